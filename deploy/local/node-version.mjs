// Kept in plain old syntax: this must still be readable by a Node that is too old.
const wanted = [20, 19];

/** Ends the process with one clear sentence when this Node is too old. */
export function checkNodeVersion() {
  const found = process.versions.node.split('.').map(Number);
  const isOldEnough =
    (found[0] ?? 0) > (wanted[0] ?? 0) || (found[0] === wanted[0] && (found[1] ?? 0) >= (wanted[1] ?? 0));
  if (isOldEnough) return;
  console.error(
    `headwater: needs Node ${wanted.join('.')} or newer, this is ${process.versions.node}. Get one from https://nodejs.org or your distribution.`,
  );
  process.exit(1);
}
