// Of the web: fetch (node-fetch 2) and its classes, URLs, encodings, events, timers, the console.

interface FetchOptions {
  method?: string;
  headers?: HeaderList;
  body?: Body | null;
  redirect?: "follow" | "manual" | "error";
  signal?: AbortSignal | null;
  /** Redirects followed at most; 20 when not given. */
  follow?: number;
  /** ms for the whole exchange; 0: none. */
  timeout?: number;
  compress?: boolean;
  /** Bytes of the body at most; 0: no bound. */
  size?: number;
  agent?: unknown;
  [option: string]: any;
}

type HeaderList = Headers | Record<string, any> | Iterable<readonly [string, string]>;
type Body = string | ArrayBuffer | ArrayBufferView | URLSearchParams | FormData | Blob | object;

type HeadersClass = typeof Headers;
type RequestClass = typeof Request;
type ResponseClass = typeof Response;

declare function fetch(input: string | URL | Request, options?: FetchOptions): Promise<Response>;
declare namespace fetch {
  const Headers: HeadersClass;
  const Request: RequestClass;
  const Response: ResponseClass;
  const FetchError: new (message: string, type: string, systemError?: any) => FetchFailure;
  const AbortError: new (message: string) => Error;
  function isRedirect(status: number): boolean;
}

/** What a fetch that fails rejects with; its name is "FetchError". */
interface FetchFailure extends Error {
  type: string;
  code?: string;
  errno?: string;
}

declare class Headers {
  constructor(init?: HeaderList | null);
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: any): void;
  append(name: string, value: any): void;
  delete(name: string): void;
  raw(): Record<string, string[]>;
  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: any): void;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  entries(): IterableIterator<[string, string]>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class Request {
  constructor(input: string | URL | Request, options?: FetchOptions);
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: string;
  readonly signal: AbortSignal | null;
  readonly body: any;
  readonly bodyUsed: boolean;
  clone(): Request;
  json(): Promise<any>;
  text(): Promise<string>;
  buffer(): Promise<Buffer>;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
}

declare class Response {
  constructor(body?: Body | null, options?: { status?: number; statusText?: string; headers?: HeaderList; url?: string });
  readonly url: string;
  readonly status: number;
  readonly ok: boolean;
  readonly redirected: boolean;
  readonly statusText: string;
  readonly headers: Headers;
  /** A readable stream of Node. */
  readonly body: any;
  readonly bodyUsed: boolean;
  clone(): Response;
  json(): Promise<any>;
  text(): Promise<string>;
  buffer(): Promise<Buffer>;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  static json(value: any, options?: { status?: number; statusText?: string; headers?: HeaderList }): Response;
  static redirect(url: string | URL, status?: number): Response;
  static error(): Response;
}

declare class Blob {
  constructor(parts?: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>, options?: { type?: string; endings?: string });
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number, type?: string): Blob;
  arrayBuffer(): Promise<ArrayBuffer>;
  text(): Promise<string>;
  bytes(): Promise<Uint8Array>;
  stream(): any;
}

declare class File extends Blob {
  constructor(parts: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>, name: string, options?: { type?: string; lastModified?: number });
  readonly name: string;
  readonly lastModified: number;
}

/** The package form-data. */
declare class FormData {
  constructor(options?: object);
  append(name: string, value: any, options?: string | { filename?: string; filepath?: string; contentType?: string; knownLength?: number; header?: any }): void;
  getHeaders(more?: Record<string, string>): Record<string, string>;
  getBoundary(): string;
  getBuffer(): Buffer;
  getLengthSync(): number;
  hasKnownLength(): boolean;
  getLength(callback: (error: Error | null, length: number) => void): void;
}

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toString(): string;
  toJSON(): string;
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
}

declare class URLSearchParams {
  constructor(init?: string | Record<string, any> | Iterable<readonly [string, any]>);
  readonly size: number;
  append(name: string, value: any): void;
  delete(name: string, value?: any): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: any): boolean;
  set(name: string, value: any): void;
  sort(): void;
  forEach(callback: (value: string, name: string, parameters: URLSearchParams) => void, self?: any): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  toString(): string;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class TextEncoder {
  readonly encoding: string;
  encode(text?: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}

declare class Event {
  constructor(type: string, options?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean });
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly defaultPrevented: boolean;
  readonly cancelable: boolean;
  readonly timeStamp: number;
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}

declare class CustomEvent<T = any> extends Event {
  constructor(type: string, options?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean; detail?: T });
  readonly detail: T;
}

type Listener = ((event: any) => void) | { handleEvent(event: any): void } | null;

declare class EventTarget {
  addEventListener(type: string, listener: Listener, options?: boolean | { once?: boolean; passive?: boolean; capture?: boolean; signal?: AbortSignal }): void;
  removeEventListener(type: string, listener: Listener, options?: boolean | { capture?: boolean }): void;
  dispatchEvent(event: Event): boolean;
}

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}

declare class AbortSignal extends EventTarget {
  private constructor();
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((event: Event) => void) | null;
  throwIfAborted(): void;
  static abort(reason?: any): AbortSignal;
  static timeout(ms: number): AbortSignal;
  static any(signals: Iterable<AbortSignal>): AbortSignal;
}

declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly code: number;
}

declare var performance: {
  now(): number;
  readonly timeOrigin: number;
  mark(name: string, options?: { detail?: any; startTime?: number }): any;
  measure(name: string, ...rest: any[]): any;
  clearMarks(name?: string): void;
  clearMeasures(name?: string): void;
  getEntries(): any[];
  getEntriesByName(name: string, type?: string): any[];
  getEntriesByType(type: string): any[];
  toJSON(): any;
};

declare function structuredClone<T>(value: T, options?: { transfer?: readonly any[] }): T;
declare function queueMicrotask(callback: () => void): void;
/** The package btoa 1.2.1: never throws. */
declare function btoa(value: any): string;
/** The package atob 2.1.2: never throws. */
declare function atob(text: any): string;

interface Timer {
  ref(): this;
  unref(): this;
  hasRef(): boolean;
  [Symbol.toPrimitive](): number;
}
declare function setTimeout<A extends any[]>(callback: (...values: A) => void, ms?: number, ...values: A): Timer;
declare function setInterval<A extends any[]>(callback: (...values: A) => void, ms?: number, ...values: A): Timer;
declare function setImmediate<A extends any[]>(callback: (...values: A) => void, ...values: A): any;
declare function clearTimeout(timer?: Timer | number | string | null): void;
declare function clearInterval(timer?: Timer | number | string | null): void;
declare function clearImmediate(immediate?: any): void;

/** Formats as Node's does; lines are kept with the outcome. */
declare var console: {
  log(...values: any[]): void;
  info(...values: any[]): void;
  debug(...values: any[]): void;
  warn(...values: any[]): void;
  error(...values: any[]): void;
  trace(...values: any[]): void;
  dir(value: any, options?: object): void;
  dirxml(...values: any[]): void;
  table(rows: any, columns?: readonly string[]): void;
  assert(condition?: any, ...values: any[]): void;
  count(label?: string): void;
  countReset(label?: string): void;
  time(label?: string): void;
  timeEnd(label?: string): void;
  timeLog(label?: string, ...values: any[]): void;
  group(...values: any[]): void;
  groupCollapsed(...values: any[]): void;
  groupEnd(): void;
  clear(): void;
};
