/**
 * Lines as Telegraf's system plugins write them: cpu, mem, swap, system, processes, kernel, disk, diskio, net, netstat,
 * with the names, types and tags of their READMEs. What counts upwards in Linux counts upwards here.
 */

export interface LineRange {
  fromMs: number;
  toMs: number;
  intervalMs: number;
}

const HOST = 'host=web-01.example';
const GIB = 2 ** 30;

/** All lines of a host that was booted half-way through the range. */
export function telegrafLines({ fromMs, toMs, intervalMs }: LineRange): string {
  const lines: string[] = [];
  const bootMs = (fromMs + toMs) / 2;
  for (let ms = Math.ceil(fromMs / intervalMs) * intervalMs; ms <= toMs; ms += intervalMs) {
    const uptime = Math.round((ms - (ms < bootMs ? fromMs - 86_400_000 : bootMs)) / 1000);
    lines.push(...linesAt(ms, Math.round((ms - fromMs) / intervalMs), Math.max(0, uptime)));
  }
  return lines.join('\n');
}

function linesAt(ms: number, i: number, uptime: number): string[] {
  const busy = 20 + 15 * Math.sin(i / 7);
  const used = Math.round(3 * GIB + GIB * Math.sin(i / 11));
  const line = (measurement: string, tags: string, fields: string) =>
    `${measurement}${tags === '' ? '' : `,${tags}`},${HOST} ${fields} ${ms}000000`;
  const cpu = (name: string, user: number) =>
    line(
      'cpu',
      `cpu=${name}`,
      `usage_user=${user},usage_system=${busy / 4},usage_idle=${100 - user - busy / 4 - 1},usage_nice=0,usage_iowait=0.75,` +
        'usage_irq=0,usage_softirq=0.25,usage_steal=0,usage_guest=0,usage_guest_nice=0',
    );
  const disk = (device: string, path: string, total: number, share: number) =>
    line(
      'disk',
      `device=${device},fstype=ext4,mode=rw,path=${path}`,
      `total=${total}i,free=${Math.round(total * (1 - share))}i,used=${Math.round(total * share)}i,used_percent=${share * 100},` +
        'inodes_total=6553600i,inodes_free=6100000i,inodes_used=453600i',
    );
  const net = (name: string, perStep: number) =>
    line(
      'net',
      `interface=${name}`,
      `bytes_sent=${i * perStep}i,bytes_recv=${i * perStep * 3}i,packets_sent=${i * 90}i,packets_recv=${i * 120}i,` +
        `err_in=0i,err_out=0i,drop_in=${Math.floor(i / 10)}i,drop_out=0i`,
    );
  return [
    cpu('cpu-total', busy),
    cpu('cpu0', busy * 1.5),
    cpu('cpu1', busy * 0.5),
    line(
      'mem',
      '',
      `total=${8 * GIB}i,available=${8 * GIB - used}i,used=${used}i,free=${8 * GIB - used - GIB - GIB / 4}i,cached=${GIB}i,buffered=${GIB / 4}i,` +
        `used_percent=${(used / (8 * GIB)) * 100},available_percent=${100 - (used / (8 * GIB)) * 100},active=${GIB}i,inactive=${GIB}i`,
    ),
    line('swap', '', `total=${2 * GIB}i,used=${GIB / 8}i,free=${2 * GIB - GIB / 8}i,used_percent=6.25`),
    line('swap', '', `in=${i * 4096}i,out=${i * 8192}i`),
    line('system', '', `load1=${busy / 20},load5=${busy / 25},load15=1.1,n_users=2i,n_unique_users=1i,n_cpus=2i`),
    line('system', '', `uptime=${uptime}i`),
    line('system', '', `uptime_format=" 0:${String(Math.floor(uptime / 60) % 60).padStart(2, '0')}"`),
    line(
      'processes',
      '',
      'blocked=1i,zombies=0i,stopped=0i,running=3i,sleeping=140i,idle=60i,total=204i,unknown=0i,dead=0i,paging=0i,' +
        'total_threads=611i',
    ),
    line(
      'kernel',
      '',
      `boot_time=${Math.round(ms / 1000) - uptime}i,context_switches=${i * 52_000}i,interrupts=${i * 31_000}i,` +
        `processes_forked=${i * 70}i,disk_pages_in=${i * 12}i,disk_pages_out=${i * 240}i,entropy_avail=256i`,
    ),
    disk('vda1', '/', 64 * GIB, 0.61),
    disk('vdb', '/var/lib/data', 512 * GIB, 0.37),
    line(
      'diskio',
      'name=vda',
      `reads=${i * 40}i,writes=${i * 210}i,read_bytes=${i * 655_360}i,write_bytes=${i * 3_440_640}i,read_time=${i * 20}i,` +
        `write_time=${i * 310}i,io_time=${i * 900}i,weighted_io_time=${i * 330}i,iops_in_progress=0i,merged_reads=0i,merged_writes=${i}i`,
    ),
    net('eth0', 250_000),
    net('lo', 12_000),
    line(
      'netstat',
      '',
      'tcp_established=41i,tcp_syn_sent=0i,tcp_syn_recv=0i,tcp_fin_wait1=0i,tcp_fin_wait2=1i,tcp_time_wait=12i,tcp_close=0i,' +
        'tcp_close_wait=2i,tcp_last_ack=0i,tcp_listen=18i,tcp_closing=0i,tcp_none=0i,udp_socket=9i',
    ),
  ];
}
