<#
.SYNOPSIS
    Puts the egress proxy between the MCP tools and everything else on Docker Desktop, and proves it.
.DESCRIPTION
    Docker Desktop keeps its packet filter inside its own virtual machine, so the host rules of ssrf-egress-block.sh cannot
    be set from Windows. The sidecar does the same work from inside Docker: the tools' network has no other way out. This
    script checks the engine, puts the override into the stack as docker/install.sh does, starts the stack, and runs the
    probe from a tool's seat: its table says what is open. The stack's compose file keeps its name and becomes a wrapper
    that includes the old one (*.stack.yml) with the override last; .env is not touched.

    Exit codes: 0 nothing is open but the proxy, 1 the probe found something, 2 a step failed. A failed step leaves the
    files of the stack as they were, and starts again what ran before.
.PARAMETER StackDir
    The folder of the stack's compose file. Default: the current folder.
.PARAMETER ProxyDir
    The folder of mcp-egress-proxy, inside of the stack's. Default: two folders above this script.
.PARAMETER DryRun
    Says what would be done, and does nothing.
.PARAMETER Probe
    Only looks: runs the probe from a tool's seat of the stack that runs.
.PARAMETER Remove
    Removes the override again and starts the stack without it: its tools are then no longer confined.
.PARAMETER Wsl
    Hands over to ssrf-egress-block.sh inside WSL, for an engine that runs in a WSL distribution of yours (not for Docker
    Desktop, whose engine has a distribution of its own).
.PARAMETER Distribution
    With -Wsl: the distribution. Default: that of WSL.
.PARAMETER Subnet
    With -Wsl: the tools' subnets. Default: asked of Docker.
.EXAMPLE
    .\ssrf-egress-block.ps1 -StackDir C:\ai-toolkit -DryRun
.EXAMPLE
    powershell -ExecutionPolicy Bypass -File .\ssrf-egress-block.ps1 -StackDir C:\ai-toolkit
#>
[CmdletBinding(DefaultParameterSetName = 'Sidecar')]
param(
    [Parameter(ParameterSetName = 'Sidecar')]
    [string] $StackDir = (Get-Location).Path,

    [Parameter(ParameterSetName = 'Sidecar')]
    [string] $ProxyDir = '',

    [switch] $DryRun,

    [Parameter(ParameterSetName = 'Sidecar')]
    [switch] $Probe,

    [switch] $Remove,

    [Parameter(ParameterSetName = 'Wsl', Mandatory = $true)]
    [switch] $Wsl,

    [Parameter(ParameterSetName = 'Wsl')]
    [string] $Distribution = '',

    [Parameter(ParameterSetName = 'Wsl')]
    [string[]] $Subnet = @()
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$OverrideName = 'compose.override.yml'
$ComposeNames = @('compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml')
$OwnOverrideNames = @('compose.override.yml', 'compose.override.yaml', 'docker-compose.override.yml', 'docker-compose.override.yaml')
$SettingsName = 'egress-proxy.env'
$Mark = '# Written by mcp-egress-proxy/docker/host/ssrf-egress-block.ps1'
# Of docker/install.sh, too.
$AnyMark = '^# Written by mcp-egress-proxy/docker/'

# Compose 2.24.4 is the first with "!override" for networks.
$LeastCompose = [version] '2.24.4'
# Older engines answer DNS for names outside from an internal network (CVE-2024-29018).
$LeastEngine = [version] '26.0.0'

function Invoke-Main {
    if ($Wsl) { return Invoke-WslScript }
    $stack = (Resolve-Path -LiteralPath $StackDir).Path
    $proxy = Find-ProxyDir
    $composeFile = Find-ComposeFile $stack
    Write-Step "stack: $composeFile"
    Test-Docker
    if ($Probe) { return Invoke-Probe $stack }
    if ($Remove) { return Uninstall-Sidecar $stack $composeFile }
    Install-Sidecar $stack $proxy $composeFile
    return Invoke-Probe $stack
}

function Install-Sidecar([string] $stack, [string] $proxy, [string] $composeFile) {
    if (Test-Installed $composeFile) {
        Write-Step 'the override is in the stack already'
        if (-not $DryRun) { Test-Faults $stack $composeFile }
        Invoke-Compose $stack @('up', '-d', '--build', '--remove-orphans')
        return
    }
    if (Test-Path -LiteralPath (Join-Path $stack 'egress-proxy/compose.override.yml')) {
        throw 'egress-proxy init has put the override in already: run egress-proxy init --remove first'
    }
    $from = Get-PathWithin $stack $proxy
    $config = Read-Config $stack @()
    $gateway = Get-Service $config 'mcp-gateway'
    if ($gateway.Count -eq 0) { throw 'no service is called mcp-gateway: see docker/compose.tools.yml for a stack without a gateway' }
    $moves = Get-Move $stack $composeFile
    $wasUp = Test-Up $stack
    foreach ($move in $moves) { Write-Step "move $($move.From) to $($move.To)" }
    Write-Step "write $composeFile and $SettingsName"
    try {
        if (-not $DryRun) {
            foreach ($move in $moves) { Move-Item -LiteralPath $move.From -Destination $move.To }
            Write-Line (Join-Path $stack $SettingsName) (Get-Setting $from $gateway)
            Write-Line $composeFile (Get-Wrapper $config $from $moves)
            Test-Faults $stack $composeFile
        }
        Invoke-Compose $stack @('up', '-d', '--build', '--remove-orphans')
    }
    catch {
        Undo-Change $stack $composeFile $wasUp
        throw
    }
}

function Uninstall-Sidecar([string] $stack, [string] $composeFile) {
    if (-not (Test-Installed $composeFile)) { throw "$composeFile was not written by this script: there is nothing to remove" }
    $wasUp = Test-Up $stack
    Write-Step "put back $composeFile"
    if (-not $DryRun) { Restore-Stack $stack $composeFile }
    if ($wasUp) { Invoke-Compose $stack @('up', '-d', '--remove-orphans') }
    Write-Step 'done: the tools are no longer confined'
    return 0
}

# What was there before a step failed: the files, and what ran.
function Undo-Change([string] $stack, [string] $composeFile, [bool] $wasUp) {
    Write-Step 'a step failed: the files are put back as they were'
    if ($DryRun) { return }
    if (-not $wasUp) { Show-Compose $stack @('down', '--remove-orphans') }
    Restore-Stack $stack $composeFile
    if ($wasUp) { Show-Compose $stack @('up', '-d', '--remove-orphans') }
}

function Restore-Stack([string] $stack, [string] $composeFile) {
    foreach ($file in @($composeFile) + @($OwnOverrideNames | ForEach-Object { Join-Path $stack $_ })) {
        $aside = Get-Aside $file
        if (-not (Test-Path -LiteralPath $aside)) { continue }
        [System.IO.File]::Delete($file)
        Move-Item -LiteralPath $aside -Destination $file
    }
    [System.IO.File]::Delete((Join-Path $stack $SettingsName))
}

# Whatever it ends with: the first failure is what the user has to hear of.
function Show-Compose([string] $stack, [string[]] $arguments) {
    [void] (Invoke-InFolder $stack { Show-Native 'docker' (@('compose') + $arguments) })
}

# The seat of a tool: the same network and the same variables that the gateway gives to every container it starts. Asked of the
# engine, in words and not in JSON: Windows PowerShell refuses JSON whose names differ in case only, as http_proxy and HTTP_PROXY do.
function Invoke-Probe([string] $stack) {
    if ($DryRun) {
        Write-Step 'then run: docker run --rm --network TOOLS_NETWORK -e HTTP_PROXY=... EGRESS_PROXY_IMAGE probe'
        return 0
    }
    $container = [string] (Invoke-InFolder $stack { Invoke-Native 'docker' @('compose', 'ps', '-q', 'egress-proxy') } | Select-Object -First 1)
    if (-not $container) { throw 'no sidecar runs in this stack: run this script without -Probe first' }
    $image = [string] (Invoke-Native 'docker' @('inspect', '--format', '{{.Config.Image}}', $container) | Select-Object -First 1)
    $network = Find-ToolsNetwork $container
    $variables = @()
    foreach ($name in @('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')) {
        $variables += @('-e', "$name=http://egress-proxy:3128")
    }
    foreach ($name in @('NO_PROXY', 'no_proxy')) { $variables += @('-e', "$name=localhost,127.0.0.1,::1") }
    Write-Step "probe from a tool's seat on $network"
    $arguments = @('run', '--rm', '--network', $network) + $variables + @($image, 'probe')
    $code = Show-Native 'docker' $arguments
    if ($code -eq 0) { Write-Step 'done: nothing is open but the proxy'; return 0 }
    if ($code -ne 1) { throw "the probe could not run: docker ended with $code" }
    Write-Step 'the probe found something: the table above says what is open'
    return 1
}

# Of the sidecar's networks the one that Compose calls mcp-tools, and that leads nowhere else.
function Find-ToolsNetwork([string] $container) {
    $format = '{{range $name, $network := .NetworkSettings.Networks}}{{println $name}}{{end}}'
    foreach ($name in @(Invoke-Native 'docker' @('inspect', '--format', $format, $container))) {
        if (-not $name) { continue }
        $about = [string] (Invoke-Native 'docker' @('network', 'inspect', '--format', '{{.Internal}} {{json .Labels}}', $name) | Select-Object -First 1)
        if ($about -match '^true .*com\.docker\.compose\.network.{1,3}mcp-tools\W') { return $name }
    }
    throw 'the sidecar is on no internal network mcp-tools: run this script without -Probe, which puts the override in force'
}

# "--exec" keeps wsl.exe from handing the words to a shell first. No word holds a double quote: Windows PowerShell loses it.
function Invoke-WslScript {
    $where = @()
    if ($Distribution -ne '') { $where += @('-d', $Distribution) }
    $path = (Join-Path $PSScriptRoot 'ssrf-egress-block.sh').Replace('\', '/')
    $hasWsl = $null -ne (Get-Command 'wsl.exe' -ErrorAction SilentlyContinue)
    if (-not $hasWsl -and -not $DryRun) { throw 'wsl.exe is not on this machine: install WSL first (wsl --install)' }
    if ($hasWsl) { $path = [string] (Invoke-Native 'wsl.exe' ($where + @('--exec', 'wslpath', '-a', $path)) | Select-Object -First 1) }
    $words = $where + @('-u', 'root', '--exec', 'bash', $path)
    if ($DryRun) { $words += '--dry-run' }
    if ($Remove) { $words += '--remove' }
    $words += $Subnet
    Write-Step "wsl.exe $($words -join ' ')"
    if (-not $hasWsl) { return 0 }
    return Show-Native 'wsl.exe' $words
}

function Find-ProxyDir {
    $folder = $ProxyDir
    if ($folder -eq '') { $folder = Split-Path -Parent (Split-Path -Parent $PSScriptRoot) }
    $folder = (Resolve-Path -LiteralPath $folder).Path
    if (-not (Test-Path -LiteralPath (Join-Path $folder $OverrideName))) { throw "$folder has no ${OverrideName}: give -ProxyDir" }
    return $folder
}

function Find-ComposeFile([string] $stack) {
    foreach ($name in $ComposeNames) {
        $file = Join-Path $stack $name
        if (Test-Path -LiteralPath $file) { return $file }
    }
    throw "$stack has no compose file ($($ComposeNames -join ', ')): give -StackDir"
}

function Test-Docker {
    if (-not (Get-Command 'docker' -ErrorAction SilentlyContinue)) {
        if ($DryRun) { Write-Step 'docker is not on this machine: its version was not checked'; return }
        throw 'docker is not on this machine: install Docker Desktop first'
    }
    $engine = ConvertTo-Version (Invoke-Native 'docker' @('version', '--format', '{{.Server.Version}}'))
    $compose = ConvertTo-Version (Invoke-Native 'docker' @('compose', 'version', '--short'))
    Write-Step "engine $engine, compose $compose"
    if ($compose -lt $LeastCompose) { throw "Compose $compose is too old: $LeastCompose or newer is needed" }
    if ($engine -lt $LeastEngine) {
        Write-Warning "Engine ${engine}: before $LeastEngine an internal network may answer DNS for names outside (CVE-2024-29018): update it"
    }
}

function Test-Installed([string] $composeFile) {
    return [string] (Read-Line $composeFile | Select-Object -First 1) -cmatch $AnyMark
}

# As Compose writes paths, and only downwards: paths that leave the folder break where it is mounted elsewhere.
function Get-PathWithin([string] $stack, [string] $proxy) {
    $root = $stack.TrimEnd('\', '/') + [System.IO.Path]::DirectorySeparatorChar
    if (-not $proxy.StartsWith($root, [System.StringComparison]::OrdinalIgnoreCase)) {
        throw "put mcp-egress-proxy inside of ${stack}: paths of a compose file that leave its folder break where the folder is mounted elsewhere"
    }
    return './' + $proxy.Substring($root.Length).Replace('\', '/')
}

# name.yml to name.stack.yml
function Get-Aside([string] $file) {
    return [System.IO.Path]::ChangeExtension($file, '.stack' + [System.IO.Path]::GetExtension($file))
}

# The compose file, and the override that Compose loads by itself: but not beside a list of files.
function Get-Move([string] $stack, [string] $composeFile) {
    $files = @($composeFile)
    $named = @(Read-Line (Join-Path $stack '.env') | Where-Object { $_ -match '^\s*(export\s+)?COMPOSE_FILE\s*=\s*\S' })
    if ($named.Count -eq 0 -and -not $env:COMPOSE_FILE) {
        $files += @($OwnOverrideNames | ForEach-Object { Join-Path $stack $_ } | Where-Object { Test-Path -LiteralPath $_ } | Select-Object -First 1)
    }
    foreach ($file in $files) {
        $aside = Get-Aside $file
        if (Test-Path -LiteralPath $aside) { throw "$aside exists already, and $file has to be moved to that name: rename it first" }
        @{ From = $file; To = $aside }
    }
}

# What Compose makes of the files, line by line.
function Read-Config([string] $stack, [string[]] $way) {
    return @(Invoke-InFolder $stack { Invoke-Native 'docker' (@('compose') + $way + @('config')) })
}

# The lines of one service in it.
function Get-Service([string[]] $config, [string] $name) {
    $section = ''
    $service = ''
    $found = @()
    foreach ($line in $config) {
        if ($line -match '^(\S.*):\s*$') { $section = $Matches[1]; $service = '' }
        elseif ($line -match '^  (\S[^:]*):') { $service = $Matches[1] }
        if ($section -ceq 'services' -and $service -ceq $name) { $found += $line }
    }
    return , $found
}

# What is wrong with the gateway in what Compose would start, whichever way the stack's own commands find their files.
function Test-Faults([string] $stack, [string] $composeFile) {
    $none = [System.IO.Path]::GetTempFileName()
    try {
        foreach ($way in @(, @()), @('-f', $composeFile), @('--env-file', $none)) {
            $words = @($way | Where-Object { $_ })
            $config = $null
            # What cannot be started is not open; but what the stack starts by default has to work.
            try { $config = Read-Config $stack $words }
            catch { if ($words.Count -eq 0) { throw } }
            if ($null -ne $config) { Test-Gateway $config "docker compose $words" }
        }
    }
    finally { [System.IO.File]::Delete($none) }
}

function Test-Gateway([string[]] $config, [string] $what) {
    $gateway = Get-Service $config 'mcp-gateway'
    $key = ''
    $networks = @()
    foreach ($line in $gateway) {
        if ($line -match '^    (\S[^:]*):') { $key = $Matches[1] }
        elseif ($key -ceq 'networks' -and $line -match '^      (\S[^:]*):') { $networks += $Matches[1] }
    }
    if ("$networks" -cne 'mcp-tools') { throw "${what}: mcp-gateway is on '$networks' and not on mcp-tools alone" }
    if (@($gateway | Where-Object { $_ -match '^    ports:' }).Count -gt 0) { throw "${what}: mcp-gateway publishes ports itself" }
    if ((Get-Service $config 'egress-proxy').Count -eq 0) { throw "${what}: there is no service egress-proxy" }
}

# For the override; values in .env count before these.
function Get-Setting([string] $from, [string[]] $gateway) {
    $port = [string] ($gateway | Where-Object { $_ -match '^ *published:' } | Select-Object -First 1) -replace '[^0-9]', ''
    $address = [string] ($gateway | Where-Object { $_ -match '^ *host_ip:' } | Select-Object -First 1) -replace '^ *host_ip: *', ''
    '# For compose.override.yml; values in .env count before these.'
    "EGRESS_PROXY_DIR=$from"
    if ($port) { 'MCP_GATEWAY_PUBLISHED=yes' } else { 'MCP_GATEWAY_PUBLISHED=no' }
    if ($address) { "MCP_GATEWAY_PUBLISH=${address}:$port" }
}

function Get-Wrapper([string[]] $config, [string] $from, $moves) {
    $project = [string] ($config | Where-Object { $_ -match '^name: ' } | Select-Object -First 1)
    "${Mark}: the stack's own file is $(Split-Path -Leaf @($moves)[0].To)."
    '# The override comes last and cannot be left out by a command that names this file. To undo it: the same script with -Remove'
    $project
    'include:'
    '  - path:'
    foreach ($move in $moves) { "      - ./$(Split-Path -Leaf $move.To)" }
    "      - $from/compose.override.yml"
    "    env_file: ./$SettingsName"
}

function Test-Up([string] $stack) {
    if ($DryRun -and -not (Get-Command 'docker' -ErrorAction SilentlyContinue)) { return $false }
    return @(Invoke-InFolder $stack { Invoke-Native 'docker' @('compose', 'ps', '-q') } | Where-Object { $_ -ne '' }).Count -gt 0
}

function Invoke-Compose([string] $stack, [string[]] $arguments) {
    Write-Step "in ${stack}: docker compose $($arguments -join ' ')"
    if ($DryRun) { return }
    $code = Invoke-InFolder $stack { Show-Native 'docker' (@('compose') + $arguments) }
    if ($code -ne 0) { throw "docker compose ended with $code" }
}

function Invoke-InFolder([string] $folder, [scriptblock] $action) {
    Push-Location -LiteralPath $folder
    try { return & $action }
    finally { Pop-Location }
}

# What the program writes to its standard output. Windows PowerShell makes an error of every line on the standard error of a
# program that is redirected, so it is not redirected, and the exit code alone says whether it failed.
function Invoke-Native([string] $program, [string[]] $arguments) {
    $ErrorActionPreference = 'Continue'
    $output = & $program @arguments
    if ($LASTEXITCODE -ne 0) { throw "$program $($arguments -join ' ') ended with $LASTEXITCODE" }
    return $output
}

# Runs the program on this console and returns its exit code.
function Show-Native([string] $program, [string[]] $arguments) {
    $ErrorActionPreference = 'Continue'
    & $program @arguments | Out-Host
    return $LASTEXITCODE
}

function ConvertTo-Version($text) {
    $first = [string] (@($text)[0])
    if ($first -match '(\d+\.\d+\.\d+)') { return [version] $Matches[1] }
    throw "no version in '$first': does Docker run?"
}

function Read-Line([string] $file) {
    if (Test-Path -LiteralPath $file) { [System.IO.File]::ReadAllLines($file) }
}

# Without a byte order mark, which Compose would take for a part of the first name.
function Write-Line([string] $file, [string[]] $lines) {
    [System.IO.File]::WriteAllText($file, ($lines -join "`n") + "`n", (New-Object System.Text.UTF8Encoding($false)))
}

function Write-Step([string] $text) {
    $prefix = 'ssrf-egress-block: '
    if ($DryRun) { $prefix = 'ssrf-egress-block (dry run): ' }
    Write-Information ($prefix + $text) -InformationAction Continue
}

try { exit (Invoke-Main) }
catch {
    [Console]::Error.WriteLine("ssrf-egress-block: $($_.Exception.Message)")
    exit 2
}
