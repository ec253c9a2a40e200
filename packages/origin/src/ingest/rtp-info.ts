// `RTP-Info` of an answer to PLAY (RFC 2326 §12.33): url=…;seq=…;rtptime=…, one for each track.

const maxLength = 8_192;

/** The RTP time at which each track begins, by the tracks' control URLs; undefined where the header does not say. */
export function parseRtpInfo(header: string, controls: readonly string[]): (number | undefined)[] {
  if (header.length > maxLength) return controls.map(() => undefined);
  const entries = header.split(/,(?=\s*url=)/i).map((entry) => {
    const url = /(?:^|[;\s])url=("?)([^;"]*)\1/i.exec(entry)?.[2] ?? '';
    const time = /;\s*rtptime=(\d{1,10})/i.exec(entry)?.[1];
    return { url, time: time === undefined ? undefined : Number(time) };
  });
  return controls.map((control, index) => {
    const byUrl = control === '' ? undefined : entries.find(({ url }) => url.endsWith(control));
    // Some servers name the presentation instead of its tracks: then the order has to do.
    const entry = byUrl ?? (entries.length === controls.length ? entries[index] : undefined);
    const time = entry?.time;
    return time === undefined || time > 0xff_ff_ff_ff ? undefined : time;
  });
}
