import { describe, expect, it } from 'vitest';
import { CrossOriginRule } from './cross-origin.ts';

describe('with every origin allowed', () => {
  const rule = new CrossOriginRule(['*']);

  it('lets any page and any program play', () => {
    expect(rule.isAllowed('https://example.org')).toBe(true);
    expect(rule.isAllowed(undefined)).toBe(true);
    expect(rule.headers('https://example.org')).toEqual({ 'Access-Control-Allow-Origin': '*' });
  });
});

describe('with listed origins', () => {
  const rule = new CrossOriginRule(['https://example.org']);

  it('lets a listed page play, and tells caches that the answer depends on it', () => {
    expect(rule.isAllowed('https://example.org')).toBe(true);
    expect(rule.headers('https://example.org')).toEqual({
      'Access-Control-Allow-Origin': 'https://example.org',
      Vary: 'Origin',
    });
  });

  it('gives other pages nothing to read by, and still serves programs that send no origin', () => {
    expect(rule.isAllowed('https://example.net')).toBe(false);
    expect(rule.headers('https://example.net')).toEqual({ Vary: 'Origin' });
    expect(rule.isAllowed(undefined)).toBe(true);
  });

  it('lets pages of the node itself play, and no page that only looks like one', () => {
    expect(rule.isAllowed('http://node.example:8080', 'node.example:8080')).toBe(true);
    expect(rule.isAllowed('http://node.example:8080.evil.example', 'node.example:8080')).toBe(false);
  });

  it('answers a preflight with the methods', () => {
    expect(rule.preflightHeaders('https://example.org')['Access-Control-Allow-Methods']).toBe(
      'GET, HEAD, OPTIONS',
    );
  });
});
