import { useRef, type KeyboardEvent, type PointerEvent } from "react";
import { useMessages } from "../app/preferences";

interface Props {
  /** Bytes of the whole log. */
  size: number;
  /** Offset of the line at the top of the view. */
  top: number;
  hits: { offset: number }[];
  onGo: (offset: number) => void;
}

const KEYS: Record<string, (share: number) => number> = {
  ArrowUp: (share) => share - 0.01,
  ArrowDown: (share) => share + 0.01,
  PageUp: (share) => share - 0.1,
  PageDown: (share) => share + 0.1,
  Home: () => 0,
  End: () => 1,
};

/** Where in the whole log the view is and where the hits are; a click or drag goes there. */
export function Ruler({ size, top, hits, onGo }: Props) {
  const t = useMessages();
  const box = useRef<HTMLDivElement>(null);
  const share = size > 0 ? Math.min(1, top / size) : 0;
  const go = (wanted: number) => onGo(Math.floor(Math.min(1, Math.max(0, wanted)) * Math.max(0, size - 1)));

  const onPointer = (event: PointerEvent) => {
    if (!box.current || (event.type === "pointermove" && event.buttons !== 1)) return;
    if (event.type === "pointerdown") box.current.setPointerCapture(event.pointerId);
    const { top: y, height } = box.current.getBoundingClientRect();
    go((event.clientY - y) / height);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const move = KEYS[event.key];
    if (!move) return;
    event.preventDefault();
    go(move(share));
  };

  return (
    <div
      ref={box}
      className="log-ruler"
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={t.logs.position}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      onPointerDown={onPointer}
      onPointerMove={onPointer}
      onKeyDown={onKeyDown}
    >
      {hits.map(({ offset }) => (
        <i key={offset} style={{ top: `${(offset / Math.max(1, size)) * 100}%` }} />
      ))}
      <b style={{ top: `${share * 100}%` }} />
    </div>
  );
}
