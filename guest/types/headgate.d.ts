// What a function finds around it: events, settings, errors and the cache here; see the files below for the rest.
// Handlers are the author's to declare: `async function onTrack(event: TrackEvent, settings: Settings)`.

/// <reference path="./web.d.ts" />
/// <reference path="./node.d.ts" />
/// <reference path="./libraries.d.ts" />

/** Fields of every event; those the sender made up are kept, too. */
interface CommonFields {
  messageId: string;
  anonymousId?: string;
  userId?: string;
  context: EventContext;
  integrations: Record<string, any>;
  timestamp: string;
  originalTimestamp?: string;
  sentAt?: string;
  receivedAt?: string;
  version?: number;
  projectId?: string;
  channel?: string;
  writeKey?: string;
  [field: string]: any;
}

interface EventContext {
  ip?: string;
  locale?: string;
  userAgent?: string;
  library?: { name: string; version: string };
  [field: string]: any;
}

interface IdentifyEvent extends CommonFields {
  type: "identify";
  traits: Record<string, any>;
}

interface TrackEvent extends CommonFields {
  type: "track";
  event: string;
  properties: Record<string, any>;
}

interface PageEvent extends CommonFields {
  type: "page";
  name?: string;
  category?: string;
  properties: Record<string, any>;
}

interface ScreenEvent extends CommonFields {
  type: "screen";
  name?: string;
  category?: string;
  properties: Record<string, any>;
}

interface GroupEvent extends CommonFields {
  type: "group";
  groupId: string;
  traits: Record<string, any>;
}

interface AliasEvent extends CommonFields {
  type: "alias";
  previousId: string;
}

/** A request for deletion. */
interface DeleteEvent extends Omit<CommonFields, "context" | "integrations"> {
  type: "delete";
  context: EventContext | [] | null;
  integrations: Record<string, any> | [] | null;
}

type StreamEvent = IdentifyEvent | TrackEvent | PageEvent | ScreenEvent | GroupEvent | AliasEvent | DeleteEvent;

/** The values of the function's settings; always an object. */
interface Settings {
  [name: string]: any;
}

/** Nothing: the event is filtered. An object: it goes on in the event's place. */
type Returned = Record<string, any> | null | undefined | void;

/** A handler: `const onTrack: Handler<TrackEvent> = async (event) => event`. */
type Handler<E = StreamEvent> = (event: E, settings: Settings) => Returned | Promise<Returned>;

/** One place for every event of the batch; a hole filters its event. A status discards its event, or has it tried again. */
type BatchHandler = (
  events: StreamEvent[],
  settings: Settings,
) => (Returned | BatchStatus)[] | null | undefined | Promise<(Returned | BatchStatus)[] | null | undefined>;

interface BatchStatus {
  status: number;
  errormessage?: string;
}

interface Handlers {
  onIdentify: Handler<IdentifyEvent>;
  onTrack: Handler<TrackEvent>;
  onPage: Handler<PageEvent>;
  onScreen: Handler<ScreenEvent>;
  onGroup: Handler<GroupEvent>;
  onAlias: Handler<AliasEvent>;
  onDelete: Handler<DeleteEvent>;
  onBatch: BatchHandler;
}

/** The event is discarded: its type is not wanted. */
declare class EventNotSupported extends Error {}
/** The event is discarded: it will never be right. */
declare class InvalidEventPayload extends Error {}
/** The event is discarded: it will never be right. */
declare class ValidationError extends Error {}
/** The event is tried again later. */
declare class RetryError extends Error {}
/** The event is dropped: nothing is wrong. */
declare class DropEvent extends Error {}

declare var cache: {
  /** What is stored under *key*, else what *fn* comes to, kept for *ttl* ms (-1 or none: as long as the cache lives). */
  load<T>(key: string, ttl: number | undefined, fn: () => T | Promise<T>): Promise<T>;
  delete(key: string): void;
};

declare var window: typeof globalThis;
