import { compileConfig } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { bannerText } from './banner.ts';

const all = { rtmp: '127.0.0.1:1935', http: '127.0.0.1:8080', admin: '127.0.0.1:9090' };
const surroundings = { lanAddress: '192.0.2.7', command: 'headwater' };
const options = { defaultNodeId: 'n' };

describe('bannerText', () => {
  it('says where to publish and watch, with lines to paste', () => {
    const text = bannerText(all, compileConfig({ apps: ['event*', 'tv'] }, options), surroundings);
    expect(text).toMatch(/ffmpeg -re .* -f flv 'rtmp:\/\/127\.0\.0\.1:1935\/tv\/demo'/);
    expect(text).toContain("ffplay -fflags nobuffer 'rtmp://127.0.0.1:1935/tv/demo'");
    expect(text).toContain('http://127.0.0.1:8080/tv/demo.flv');
    expect(text).toContain("headwater demo --url 'rtmp://127.0.0.1:1935/tv/demo'\n");
    expect(bannerText(all, compileConfig({}, options), surroundings)).toContain('or: headwater demo\n');
    expect(text).toContain('From other machines use 192.0.2.7');
  });

  it('leaves out what is not served, and asks for a key where one is needed', () => {
    const config = compileConfig(
      { bind: '127.0.0.1', access: { kind: 'keys', keys: { '*': { publish: ['k'] } } } },
      options,
    );
    const text = bannerText({ rtmp: '127.0.0.1:1935' }, config, surroundings);
    expect(text).toContain('stream key demo?token=KEY');
    expect(text).not.toMatch(/http:|192\.0\.2\.7/);
  });
});
