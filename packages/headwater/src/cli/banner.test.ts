import { compileConfig } from '@headwater/contracts';
import { describe, expect, it } from 'vitest';
import { bannerText } from './banner.ts';

const all = { rtmp: '127.0.0.1:1935', http: '127.0.0.1:8080', admin: '127.0.0.1:9090' };
const surroundings = { lanAddress: '192.0.2.7', command: 'headwater' };
const options = { defaultNodeId: 'n' };
const roles = ['origin', 'edge', 'router'] as const;

describe('bannerText', () => {
  it('says where to publish and watch, with lines to paste', () => {
    const text = bannerText(
      { addresses: all, roles, config: compileConfig({ apps: ['event*', 'tv'] }, options) },
      surroundings,
    );
    expect(text).toMatch(/ffmpeg -re .* -f flv 'rtmp:\/\/127\.0\.0\.1:1935\/tv\/demo'/);
    expect(text).toContain("ffplay -fflags nobuffer 'rtmp://127.0.0.1:1935/tv/demo'");
    expect(text).toContain('http://127.0.0.1:8080/tv/demo.flv');
    expect(text).toContain("headwater demo --url 'rtmp://127.0.0.1:1935/tv/demo'\n");
    expect(bannerText({ addresses: all, roles, config: compileConfig({}, options) }, surroundings)).toContain(
      'or: headwater demo\n',
    );
    expect(text).toContain('From other machines use 192.0.2.7');
  });

  it('leaves out what is not served, and asks for a key where one is needed', () => {
    const config = compileConfig(
      { bind: '127.0.0.1', access: { kind: 'keys', keys: { '*': { publish: ['k'] } } } },
      options,
    );
    const text = bannerText({ addresses: { rtmp: '127.0.0.1:1935' }, roles, config }, surroundings);
    expect(text).toContain('stream key demo?token=KEY');
    expect(text).not.toMatch(/http:|192\.0\.2\.7/);
  });

  it('of a router says that viewers are sent elsewhere, and of an origin nothing about them', () => {
    const config = compileConfig({}, options);
    const { http, rtmp, admin } = all;
    const router = bannerText({ addresses: { http, admin }, roles: ['router'], config }, surroundings);
    expect(router).toContain('Watch     http://127.0.0.1:8080/live/demo.flv    a redirect to the edge');
    expect(router).not.toMatch(/ws:|with a player|rtmp:/);
    const origin = bannerText({ addresses: { rtmp, admin }, roles: ['origin'], config }, surroundings);
    expect(origin).toContain('rtmp://127.0.0.1:1935/live/demo');
    expect(origin).not.toContain('Watch');
  });
});
