/** What several say at once, told one after the other in their order: whose turn it is speaks as it goes, the others' words wait. */
export type Turns = {
  say(speaker: number, text: string): void;
  /** Nothing more comes of this one. */
  end(speaker: number): void;
};

/** `tell` is given every word once, those of each speaker together. */
export function turns(speakers: number, tell: (text: string) => void): Turns {
  const waiting = Array.from({ length: speakers }, () => ({ text: "", ended: false }));
  let now = 0;
  return {
    say(speaker, text) {
      if (speaker === now) tell(text);
      else waiting[speaker]!.text += text;
    },
    end(speaker) {
      waiting[speaker]!.ended = true;
      while (waiting[now]?.ended === true) {
        now++;
        const { text = "" } = waiting[now] ?? {};
        if (text !== "") tell(text);
      }
    },
  };
}
