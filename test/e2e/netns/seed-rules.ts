/** What the hardening runbook of the stack does on the host: commands for one subnet, each inserted at the head. */

const DROPPED = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.169.254/32',
  '169.254.170.2/32',
];

export function seedCommands(subnet: string): string[][] {
  const insert = ['iptables', '-I', 'DOCKER-USER', '-s', subnet];
  return [
    ...DROPPED.map((range) => [...insert, '-d', range, '-j', 'DROP']),
    ...['udp', 'tcp'].map((protocol) => [...insert, '-p', protocol, '--dport', '53', '-j', 'ACCEPT']),
  ];
}
