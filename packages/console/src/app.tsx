import { useEffect, useState } from 'preact/hooks';
import { Player } from './player.tsx';
import { fetchStreams, streamOfHash, type ListedStream } from './stream-list.ts';

const refreshEachMs = 2_000;

/** The page: what is live, and a player for the stream that the address names. */
export function App() {
  const [streams, setStreams] = useState<readonly ListedStream[]>();
  const [trouble, setTrouble] = useState('');
  const [playing, setPlaying] = useState(streamOfHash(location.hash));
  // Whoever clicks a stream that is over wants to see whether it is back.
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    const follow = (): void => {
      setPlaying(streamOfHash(location.hash));
    };
    addEventListener('hashchange', follow);
    return () => {
      removeEventListener('hashchange', follow);
    };
  }, []);

  useEffect(() => {
    const leaving = new AbortController();
    const refresh = async (): Promise<void> => {
      try {
        setStreams(await fetchStreams(leaving.signal));
        setTrouble('');
      } catch (caught) {
        if (!leaving.signal.aborted) setTrouble(caught instanceof Error ? caught.message : String(caught));
      }
    };
    void refresh();
    const timer = setInterval(() => void refresh(), refreshEachMs);
    return () => {
      clearInterval(timer);
      leaving.abort();
    };
  }, []);

  return (
    <main>
      <header>
        <h1>Headwater</h1>
        <p>{trouble === '' ? 'live streams of this node' : `cannot reach the node: ${trouble}`}</p>
      </header>
      {playing !== undefined && <Player key={`${playing} ${String(attempt)}`} stream={playing} />}
      <StreamTable streams={streams} playing={playing} chosen={() => setAttempt((last) => last + 1)} />
    </main>
  );
}

interface StreamTableProps {
  readonly streams: readonly ListedStream[] | undefined;
  readonly playing: string | undefined;
  readonly chosen: () => void;
}

function StreamTable({ streams, playing, chosen }: StreamTableProps) {
  if (streams === undefined) return <p class="empty">…</p>;
  if (streams.length === 0) {
    return (
      <p class="empty">
        Nothing is live. Publish to <code>rtmp://{location.hostname}/live/NAME</code> and it appears here.
      </p>
    );
  }
  return (
    <ul class="streams">
      {streams.map((stream) => {
        const key = `${stream.app}/${stream.name}`;
        return (
          <li key={key} class={key === playing ? 'chosen' : ''}>
            <a href={`#${key}`} onClick={chosen}>
              {key}
            </a>
            <span>{stream.codecs.join(' + ')}</span>
            <span>{stream.viewers === 1 ? '1 viewer' : `${String(stream.viewers)} viewers`}</span>
            <span>since {new Date(stream.since).toLocaleTimeString()}</span>
          </li>
        );
      })}
    </ul>
  );
}
