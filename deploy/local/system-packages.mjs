// Programs from outside npm that the tests drive. Root on Debian gets them installed; anybody else is told what to do.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { StepFailed, capture, say, step } from './step.mjs';

/** Debian package → the program that shows it is there. */
const packages = {
  ffmpeg: 'ffmpeg',
  'redis-server': 'redis-server',
  haproxy: 'haproxy',
  keepalived: 'keepalived',
  prometheus: 'promtool',
  chromium: 'chromium',
  curl: 'curl',
  iproute2: 'ip',
  rtmpdump: 'rtmpdump',
  unzip: 'unzip',
  buildah: 'buildah',
  'gstreamer1.0-tools': 'gst-launch-1.0',
};

/** The package of GStreamer's RTMP elements, which are no programs. */
const gstreamerRtmp = 'gstreamer1.0-plugins-bad';

/** The packages of GStreamer's RTSP server, which is a library, and of the system's Python that drives it. */
const gstreamerRtspServer = ['gir1.2-gst-rtsp-server-1.0', 'python3-gi'];
const rtspServerCheck = "import gi; gi.require_version('GstRtspServer', '1.0')";

/** Makes the programs that tests need available, or fails with one sentence that says how to get them. */
export async function ensureSystemPackages() {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  const how = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) {
    throw new StepFailed(`the tests need ${missing.join(', ')}; install with: sudo ${how}`);
  }
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const args = [
    '-qq',
    '-y',
    '-o',
    'DPkg::Lock::Timeout=300',
    '--no-install-recommends',
    'install',
    ...missing,
  ];
  say(`installing ${missing.join(', ')} for the tests …`);
  // Without package lists, or with old ones, the first try fails.
  const first = await capture('apt-get', args, { env });
  if (first.code !== 0) {
    await step('fetching the package lists', 'apt-get', ['-qq', 'update'], { env });
    await step(`installing ${missing.join(', ')}`, 'apt-get', args, { env });
  }
  const stillMissing = await missingPackages();
  if (stillMissing.length > 0) {
    throw new StepFailed(`${stillMissing.join(', ')} cannot be found after: ${how}`);
  }
}

async function missingPackages() {
  const missing = Object.entries(packages)
    .filter(([, program]) => !isOnPath(program))
    .map(([name]) => name);
  if (!(await hasGstreamerRtmp())) missing.push(gstreamerRtmp);
  if (!(await hasGstreamerRtspServer())) missing.push(...gstreamerRtspServer);
  return missing;
}

async function hasGstreamerRtmp() {
  if (!isOnPath('gst-inspect-1.0')) return false;
  const { code } = await capture('gst-inspect-1.0', ['--exists', 'rtmp2src']);
  return code === 0;
}

async function hasGstreamerRtspServer() {
  const python = '/usr/bin/python3';
  if (!existsSync(python)) return false;
  const { code } = await capture(python, ['-c', rtspServerCheck]);
  return code === 0;
}

/**
 * Whether a program of that name can be started.
 * @param {string} program
 */
export function isOnPath(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
