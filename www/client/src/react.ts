/** `@edgeward/client/react`: who is signed in, as a hook. */
import { useSyncExternalStore } from "react";
import type { AuthClient, Session } from "./index.js";

/** `loading` until the first answer; `unavailable` while there is none, which says nothing of the session and ends by itself. */
export type AuthState =
  | { readonly status: "loading"; readonly session: undefined }
  | { readonly status: "signed-in"; readonly session: Session }
  | { readonly status: "signed-out"; readonly session: null }
  | { readonly status: "unavailable"; readonly session: undefined; readonly error: unknown };

/**
 * Who is signed in with `client`. Components that use the same client share one question to the issuer; once the last has gone, the
 * next begins with `loading`.
 */
export function useAuth(client: AuthClient): AuthState {
  let watch = watches.get(client);
  if (watch === undefined) {
    watch = new Watch(client);
    watches.set(client, watch);
  }
  return useSyncExternalStore(watch.subscribe, watch.state, loading);
}

const LOADING: AuthState = { status: "loading", session: undefined };

/** What a server renders: it does not have the cookies that the page will have. */
const loading = () => LOADING;

const watches = new WeakMap<AuthClient, Watch>();

class Watch {
  #state = LOADING;
  readonly #components = new Set<() => void>();
  /** Ends what was begun for the first component. */
  #stop: (() => void) | undefined;

  constructor(private readonly client: AuthClient) {}

  readonly state = () => this.#state;

  readonly subscribe = (component: () => void) => {
    this.#components.add(component);
    this.#stop ??= this.#start();
    return () => {
      this.#components.delete(component);
      // A component may take the place of the last one in the same step, or be put there twice (`StrictMode`): it goes on with what
      // is known. Whoever comes later does not see who was there before.
      queueMicrotask(() => {
        if (this.#components.size) return;
        this.#stop?.();
        this.#stop = undefined;
        this.#state = LOADING;
      });
    };
  };

  #start(): () => void {
    let isOver = false;
    const become = (state: AuthState) => {
      if (isOver) return;
      this.#state = state;
      for (const component of this.#components) component();
    };
    const know = (session: Session | null) =>
      become(session === null ? { status: "signed-out", session } : { status: "signed-in", session });
    const end = this.client.onChange(know);
    this.client.session().then(know, (error: unknown) => {
      // What a change has told meanwhile is better than no answer.
      if (this.#state.session === undefined) become({ status: "unavailable", session: undefined, error });
    });
    return () => {
      isOver = true;
      end();
    };
  }
}
