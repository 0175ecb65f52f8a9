/** Tools that fetch and send through the proxy: how each is started, what it needs, and which doors it comes through. */
import { fileURLToPath } from 'node:url';
import type { Surroundings } from './contenders.js';

export interface Tool {
  readonly name: string;
  /** The cell of docs/clients.md. */
  readonly needs: string;
  readonly command: (around: ToolSurroundings) => readonly [string, ...string[]];
  readonly env: (around: ToolSurroundings) => NodeJS.ProcessEnv;
  /** Files of its own folder, by name. */
  readonly files?: (around: ToolSurroundings) => Readonly<Record<string, string>>;
  /** What it prints, or leaves in its folder: `find` with the text of small files. */
  readonly shows: RegExp;
  readonly doors: readonly ('absolute' | 'connect')[];
}

export interface ToolSurroundings extends Surroundings {
  /** A name of this tool's own, without a slash at the end. */
  readonly http: string;
  readonly https: string;
  /** `host:port` of a gRPC server without TLS. */
  readonly grpc: string;
  /** Where the Node clients are installed, with these programs beside them. */
  readonly packages: string;
}

const program = (name: string): string =>
  fileURLToPath(new URL(`../../../../test/e2e/clients/programs/${name}`, import.meta.url));

type Env = Tool['env'];
const both: Env = ({ proxy }) => ({ HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url });
const lower: Env = ({ proxy }) => ({ http_proxy: proxy.url, https_proxy: proxy.url });
const node: Env = (around) => ({
  ...both(around),
  ...{ NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: around.authority.certificatePath },
});

const PACKAGE_MANAGERS: readonly Tool[] = [
  {
    name: 'apt',
    needs: '`Acquire::http::Proxy`, `Acquire::https::Proxy`, or `http_proxy`, `https_proxy`',
    command: ({ folder }) => [
      ...(['sh', '-c', 'apt-get $OPTIONS update && apt-get $OPTIONS download hello-egress'] as const),
      folder,
    ],
    env: ({ proxy, folder }) => ({
      OPTIONS: [
        ...[
          `Acquire::http::Proxy=${proxy.url}`,
          `Dir::Etc::sourcelist=${folder}/sources.list`,
          'Dir::Etc::sourceparts=-',
        ],
        ...[`Dir::State=${folder}/state`, `Dir::Cache=${folder}/cache`, 'APT::Sandbox::User=root'],
        ...['Dir::Etc::parts=-', 'Dir::Etc::main=-', 'Acquire::Languages=none'],
      ]
        .map((option) => `-o ${option}`)
        .join(' '),
    }),
    files: ({ http }) => ({
      'sources.list': `deb [trusted=yes] ${http}/apt ./\n`,
      'state/lists/partial/keep': '',
      'cache/archives/partial/keep': '',
    }),
    shows: /hello-egress_1\.0_all\.deb/,
    doors: ['absolute'],
  },
  {
    name: 'npm',
    needs: '`HTTPS_PROXY`, `HTTP_PROXY`, or `npm config set proxy` and `https-proxy`',
    command: ({ https }) => ['npm', 'install', '--no-audit', '--no-fund', `--registry=${https}/npm/`, 'hello-egress'],
    env: (around) => ({ ...both(around), npm_config_cafile: around.authority.certificatePath }),
    files: () => ({ 'package.json': '{}' }),
    shows: /node_modules\/hello-egress\/package\.json/,
    doors: ['connect'],
  },
  {
    name: 'pip',
    needs: '`HTTPS_PROXY`, `HTTP_PROXY`, or `--proxy`',
    command: ({ https, authority }) => [
      ...(['/usr/bin/python3', '-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check'] as const),
      ...[`--cert=${authority.certificatePath}`, `--index-url=${https}/simple/`, 'hello-egress'],
    ],
    env: both,
    shows: /hello_egress-1\.0-py3-none-any\.whl/,
    doors: ['connect'],
  },
  {
    name: 'cargo',
    needs: '`HTTPS_PROXY`, or `http.proxy` in its `config.toml`; Git sources as git',
    command: () => ['/usr/bin/cargo', 'fetch'],
    env: (around) => ({
      ...lower(around),
      ...{ CARGO_HOME: `${around.folder}/home`, GIT_SSL_CAINFO: around.authority.certificatePath },
      ...{ CARGO_HTTP_PROXY: around.proxy.url, CARGO_HTTP_CAINFO: around.authority.certificatePath },
      CARGO_NET_GIT_FETCH_WITH_CLI: 'true',
      RUSTC: '/usr/bin/rustc',
    }),
    files: ({ https }) => ({
      'Cargo.toml':
        '[package]\nname = "a"\nversion = "1.0.0"\n[dependencies]\nhello-egress = { version = "1", registry = "o" }\n',
      'src/lib.rs': '',
      '.cargo/config.toml': `[registries.o]\nindex = "${https}/cargo/.git/"\n`,
    }),
    shows: /hello-egress-1\.0\.0\.crate/,
    doors: ['connect'],
  },
];

const DOWNLOADERS: readonly Tool[] = [
  {
    name: 'aria2',
    needs: '`http_proxy`, `https_proxy`, or `--all-proxy`',
    command: ({ http, https, authority }) => [
      ...(['aria2c', '-q', '--allow-overwrite=true', `--ca-certificate=${authority.certificatePath}`, '-Z'] as const),
      ...[`${http}/video.mp4`, `${https}/npm.tgz`],
    ],
    env: lower,
    shows: /npm\.tgz[\s\S]*video\.mp4/,
    doors: ['absolute', 'connect'],
  },
  {
    name: 'yt-dlp',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY`, or `--proxy`',
    command: ({ http }) => ['yt-dlp', '--no-progress', '--output', 'film', `${http}/video.mp4`],
    env: both,
    shows: /film/,
    doors: ['absolute'],
  },
  {
    name: 'boto3',
    needs: '`HTTP_PROXY`, `HTTPS_PROXY` (`Config(proxies=...)` in code)',
    command: ({ http, https }) => ['/usr/bin/python3', program('boto3_client.py'), http, https],
    env: (around) => ({
      ...both(around),
      AWS_CA_BUNDLE: around.authority.certificatePath,
      AWS_EC2_METADATA_DISABLED: 'true',
    }),
    shows: /hello\nhello/,
    doors: ['absolute', 'connect'],
  },
];

const SDKS: readonly Tool[] = [
  {
    name: 'gRPC for Node',
    needs: '`grpc_proxy`, or `https_proxy`, `http_proxy`',
    command: ({ node24, packages, grpc }) => [node24, `${packages}/grpc.mjs`, grpc],
    env: lower,
    shows: /hello\nhello\nagain/,
    doors: ['connect'],
  },
  {
    name: 'gRPC for Python',
    needs: '`grpc_proxy`, or `https_proxy`, `http_proxy`',
    command: ({ grpc }) => ['/usr/bin/python3', program('grpc_client.py'), grpc],
    env: lower,
    shows: /hello\nhello again/,
    doors: ['connect'],
  },
  {
    name: 'OpenAI SDK for Node',
    needs: 'as `fetch` of its Node: `NODE_USE_ENV_PROXY=1` from 24 on, `fetchOptions: { dispatcher }` in code before',
    command: ({ node24, packages, https }) => [node24, `${packages}/openai.mjs`, `${https}/`],
    env: node,
    shows: /hello\nhello again/,
    doors: ['connect'],
  },
  {
    name: 'Anthropic SDK for Node',
    needs: 'the same',
    command: ({ node24, packages, https }) => [node24, `${packages}/anthropic.mjs`, https],
    env: node,
    shows: /hello\nhello again/,
    doors: ['connect'],
  },
  {
    name: 'MCP SDK for Node',
    needs: 'the same; `fetch` of its transport in code before',
    command: ({ node24, https }) => [node24, program('mcp_sdk.mjs'), `${https}/mcp`],
    env: node,
    shows: /hello/,
    doors: ['connect'],
  },
  {
    name: 'mcp-remote',
    needs: '`NODE_USE_ENV_PROXY=1` with Node 24, or its `--enable-proxy`, and `HTTPS_PROXY`',
    command: ({ node24, packages, https }) => [
      ...([node24, program('mcp_sdk.mjs'), node24, `${packages}/node_modules/mcp-remote/dist/proxy.js`] as const),
      ...[`${https}/mcp`, '--transport', 'http-only', '--enable-proxy'],
    ],
    env: (around) => ({ ...node(around), MCP_REMOTE_CONFIG_DIR: around.folder }),
    shows: /hello/,
    doors: ['connect'],
  },
];

export const TOOLS: readonly Tool[] = [...PACKAGE_MANAGERS, ...DOWNLOADERS, ...SDKS];
