import { isNews, readNote, type Note } from "./note.js";
import type { Channel, PageEvent, World } from "./world.js";

/**
 * The last note that any tab left. It goes by `BroadcastChannel` and by `localStorage`, whichever there are: the first is
 * quick and also there where nothing may be stored, the second is read by tabs that open later. With neither, a tab
 * knows what it did itself.
 */
export class Tabs {
  #last: Note | undefined;
  #channel: Channel | undefined;

  /** @param heard is called once for each note of another tab */
  constructor(
    private readonly world: World,
    private readonly name: string,
    private readonly heard: (note: Note) => void,
  ) {
    this.#last = this.#stored();
    this.#open();
    world.listen((event) => this.#on(event));
  }

  /** The last note, also if word of it has not come here yet. */
  latest(): Note | undefined {
    this.#hear(this.#stored());
    return this.#last;
  }

  /** Whether what this tab knows was taken out of the storage, as a sign-out by the issuer's own page does. */
  isWiped(): boolean {
    // Where nothing can be read it is not `null`, and nothing was taken out.
    return this.#last !== undefined && this.#last.who !== null && this.#text() === null;
  }

  /** Leaves a note, unless somebody left a later one meanwhile. */
  leave(content: Omit<Note, "v" | "id">): void {
    const id = this.world.random().toString(36).slice(2) + this.world.now().toString(36);
    const note: Note = { v: 1, id, ...content };
    const latest = this.latest();
    if (!isNews(note, latest, this.world.now())) return;
    this.#last = note;
    this.#try(() => this.world.storage?.setItem(this.name, JSON.stringify(note)));
    this.#try(() => this.#channel?.postMessage(note));
  }

  /** Forgets what this tab believed. Others go on with what they know. */
  forget(): void {
    this.#last = undefined;
    this.#try(() => this.world.storage?.removeItem(this.name));
  }

  #hear(note: Note | undefined): void {
    if (note === undefined || !isNews(note, this.#last, this.world.now())) return;
    this.#last = note;
    this.heard(note);
  }

  #stored(): Note | undefined {
    return this.#read(this.#text());
  }

  #read(text: string | null | undefined): Note | undefined {
    return text ? readNote(this.#try((): unknown => JSON.parse(text)), this.world.now()) : undefined;
  }

  #text(): string | null | undefined {
    return this.#try(() => this.world.storage?.getItem(this.name));
  }

  #on(event: PageEvent): void {
    if (event.kind === "stored" && event.key === this.name) this.#hear(this.#read(event.value));
    // An open channel keeps some browsers from remembering the page for the back button.
    if (event.kind === "leaving") {
      this.#channel?.close();
      this.#channel = undefined;
    }
    if (event.kind === "restored") this.#open();
  }

  #open(): void {
    this.#channel ??= this.#try(() => this.world.openChannel?.(this.name));
    if (this.#channel) this.#channel.onmessage = ({ data }) => this.#hear(readNote(data, this.world.now()));
  }

  /** Storage that is full or forbidden, a channel in a frame without an origin: then without. */
  #try<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch {
      return undefined;
    }
  }
}
