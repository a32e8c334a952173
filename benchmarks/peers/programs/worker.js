// What workerd runs, below the function: an event in the body of a request, its output in that of the answer.
import settings from "settings";

class DropEvent extends Error {}

export default {
  async fetch(request) {
    try {
      return new Response(JSON.stringify(await onTrack(JSON.parse(await request.text()), settings)));
    } catch (error) {
      if (error instanceof DropEvent) return new Response(null, { status: 204 });
      return new Response(String(error), { status: 500 });
    }
  },
};
