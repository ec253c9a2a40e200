// Makes assets/demo.flv: what `headwater demo` loops where there is no ffmpeg. Needs ffmpeg itself.
// 8 s hold a whole number of frames of both tracks (200 of video at 25 fps, 375 of audio at 48 kHz), so that the clip
// repeats without a gap.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const seconds = 8;
const maxBytes = 300_000;
const output = fileURLToPath(new URL('../assets/demo.flv', import.meta.url));

const args = [
  ['-hide_banner', '-loglevel', 'error', '-y'],
  ['-f', 'lavfi', '-i', `testsrc2=size=640x360:rate=25:duration=${seconds}`],
  ['-f', 'lavfi', '-i', `sine=frequency=440:beep_factor=4:sample_rate=48000:duration=${seconds}`],
  ['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'veryslow', '-pix_fmt', 'yuv420p'],
  [
    '-b:v',
    '190k',
    '-maxrate',
    '230k',
    '-bufsize',
    '400k',
    '-g',
    '50',
    '-keyint_min',
    '50',
    '-sc_threshold',
    '0',
  ],
  ['-c:a', 'aac', '-b:a', '48k', '-ac', '1', '-frames:a', '375'],
  ['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:v', '+bitexact', '-flags:a', '+bitexact'],
  ['-flvflags', 'no_duration_filesize', output],
].flat();

const { status, error } = spawnSync('ffmpeg', args, { stdio: ['ignore', 'inherit', 'inherit'] });
if (status !== 0) throw new Error(`ffmpeg failed (${error?.message ?? String(status)})`);
const { size } = statSync(output);
if (size > maxBytes) throw new Error(`the clip is ${size} bytes, more than ${maxBytes}`);
console.log(`${output}: ${size} bytes`);
