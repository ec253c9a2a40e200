import { useEffect, useRef, useState } from 'preact/hooks';
import mpegts from 'mpegts.js';

/** What the player shows. */
export interface PlayerProps {
  readonly stream: string;
}

type Phase = 'connecting' | 'playing' | 'ended' | 'failed';

interface Figures {
  readonly phase: Phase;
  readonly note: string;
  readonly behindSeconds: number;
  readonly size: string;
}

const atStart: Figures = { phase: 'connecting', note: '', behindSeconds: 0, size: '' };
// The player catches up when it lies further behind than the first, until it is as near as the second.
const chaseAboveSeconds = 1.5;
const chaseToSeconds = 0.5;
const figuresEachMs = 500;

/** Plays one stream over WebSocket-FLV and shows how near it is to the live edge. */
export function Player({ stream }: PlayerProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [figures, setFigures] = useState(atStart);

  useEffect(() => {
    const element = video.current;
    if (element === null) return undefined;
    setFigures(atStart);
    const show = (phase: Phase, note = ''): void => {
      setFigures((before) => ({ ...before, phase, note }));
    };
    const player = openPlayer(stream, element, show);
    const timer = setInterval(() => {
      setFigures((before) => ({ ...before, ...figuresOf(element) }));
    }, figuresEachMs);
    return () => {
      clearInterval(timer);
      player.destroy();
    };
  }, [stream]);

  return (
    <section class="player">
      <video ref={video} controls muted autoplay playsInline data-phase={figures.phase} />
      <p class="figures">
        <strong>{stream}</strong>
        <span class={`phase ${figures.phase}`}>{figures.note === '' ? figures.phase : figures.note}</span>
        {figures.size !== '' && <span>{figures.size}</span>}
        {figures.phase === 'playing' && <span>{figures.behindSeconds.toFixed(1)} s buffered</span>}
      </p>
    </section>
  );
}

function openPlayer(
  stream: string,
  element: HTMLVideoElement,
  show: (phase: Phase, note?: string) => void,
): mpegts.Player {
  const player = mpegts.createPlayer(
    { type: 'flv', isLive: true, url: addressOf(stream) },
    {
      enableStashBuffer: false,
      liveBufferLatencyChasing: true,
      liveBufferLatencyMaxLatency: chaseAboveSeconds,
      liveBufferLatencyMinRemain: chaseToSeconds,
    },
  );
  player.on(mpegts.Events.ERROR, (kind: string, detail: string) => {
    show('failed', `${kind}: ${detail}`);
  });
  player.on(mpegts.Events.LOADING_COMPLETE, () => {
    show('ended', 'the stream is over');
  });
  element.onplaying = () => {
    show('playing');
  };
  player.attachMediaElement(element);
  player.load();
  // A browser that does not allow autoplay leaves the first step to the viewer's own click.
  void Promise.resolve(player.play()).catch(() => undefined);
  return player;
}

function addressOf(stream: string): string {
  const address = new URL(`./${stream}.flv`, location.href);
  address.hash = '';
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  const token = new URLSearchParams(location.search).get('token');
  if (token !== null) address.searchParams.set('token', token);
  return address.href;
}

function figuresOf(element: HTMLVideoElement): Pick<Figures, 'behindSeconds' | 'size'> {
  const { buffered, currentTime, videoWidth, videoHeight } = element;
  const behindSeconds = buffered.length === 0 ? 0 : buffered.end(buffered.length - 1) - currentTime;
  return { behindSeconds, size: videoWidth === 0 ? '' : `${String(videoWidth)} × ${String(videoHeight)}` };
}
