// Loaded before a program that runs as a pod: names of Services are looked up in the file that KUBE_HOSTS names, as the
// cluster's name server would answer; all other names as always.
import dns from 'node:dns';
import { readFileSync } from 'node:fs';

/**
 * @typedef {(error: null, address: string | dns.LookupAddress[], family?: number) => void} Answer
 * @typedef {(hostname: string, options: dns.LookupOptions | Answer, answer?: Answer) => void} Lookup
 */

const systemLookup = /** @type {Lookup} */ (dns.lookup);

/** @type {(text: string) => unknown} */
const parse = JSON.parse;

/** @param {string} hostname @returns {readonly string[]} none where it is no name of the cluster */
function addressesOf(hostname) {
  const known = parse(readFileSync(process.env['KUBE_HOSTS'] ?? '', 'utf8'));
  const hosts = /** @type {Record<string, readonly string[]>} */ (known);
  return hosts[hostname] ?? [];
}

/** @type {Lookup} */
function clusterLookup(hostname, options, answer) {
  const addresses = addressesOf(hostname);
  const [address] = addresses;
  if (address === undefined) systemLookup(hostname, options, answer);
  else if (typeof options === 'function') options(null, address, 4);
  else if (options.all === true) {
    answer?.(
      null,
      addresses.map((each) => ({ address: each, family: 4 })),
    );
  } else answer?.(null, address, 4);
}

dns.lookup = /** @type {typeof dns.lookup} */ (/** @type {unknown} */ (clusterLookup));
