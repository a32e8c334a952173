// What a shop does to its events before they leave for an analytics tool: drop robots, mask personal data, add up
// orders, and refuse what the tool could not use.
//
// settings.json, the second argument of every handler:
//   region       added to every event
//   maskEmail    "domain" keeps the part after the @, "all" keeps nothing
//   rates        units of a currency in one US dollar
//   robots       words in a user agent that give a robot away

// Known when the function is loaded, and shared by all events.
const SECRETS = ['password', 'token', 'ssn'];

async function onTrack(event, settings) {
  dropRobots(event, settings);
  if (event.event === 'Order Completed') {
    addTotals(event.properties, settings);
  }
  return tidy(event, settings);
}

async function onIdentify(event, settings) {
  if (!event.userId && !event.anonymousId) {
    // The event is discarded, and the message tells whoever looks why.
    throw new ValidationError('an identify event needs a userId or an anonymousId');
  }
  const { email } = event.traits;
  if (email) {
    event.traits.emailDomain = email.split('@')[1].toLowerCase();
  }
  return tidy(event, settings);
}

async function onPage(event, settings) {
  dropRobots(event, settings);
  const { url } = event.properties;
  if (url) {
    const { host, searchParams } = new URL(url);
    event.properties.host = host;
    event.properties.campaign = searchParams.get('utm_campaign') ?? 'none';
  }
  return tidy(event, settings);
}

async function onScreen(event, settings) {
  return tidy(event, settings);
}

async function onGroup(event, settings) {
  const { employees } = event.traits;
  if (employees !== undefined) {
    event.traits.size = employees < 50 ? 'small' : employees < 1000 ? 'medium' : 'large';
  }
  return tidy(event, settings);
}

async function onAlias(event, settings) {
  return tidy(event, settings);
}

async function onDelete(event) {
  // Requests for deletion must arrive as they are.
  return event;
}

function dropRobots(event, settings) {
  const agent = (event.context?.userAgent ?? '').toLowerCase();
  const word = settings.robots.find((robot) => agent.includes(robot));
  if (word) {
    throw new DropEvent(`a robot: ${word}`);
  }
}

function addTotals(order, settings) {
  const rate = settings.rates[order.currency];
  if (rate === undefined) {
    throw new InvalidEventPayload(`no rate for currency ${order.currency}`);
  }
  const total = order.products.reduce((sum, product) => sum + product.price * product.quantity, 0);
  order.items = order.products.reduce((sum, product) => sum + product.quantity, 0);
  order.total = cents(total);
  order.totalUsd = cents(total / rate);
}

function cents(amount) {
  return Math.round(amount * 100) / 100;
}

/** What every event gets: no secrets, no readable address, and where it was handled. */
function tidy(event, settings) {
  for (const part of [event.traits, event.properties]) {
    for (const [name, value] of Object.entries(part ?? {})) {
      if (SECRETS.includes(name)) {
        delete part[name];
        console.warn(`removed ${name} from a ${event.type} event`);
      } else if (typeof value === 'string' && value.includes('@')) {
        part[name] = mask(value, settings);
      }
    }
  }
  event.context = { ...event.context, region: settings.region };
  return event;
}

function mask(text, settings) {
  return text.replace(/[\w.+-]+@([\w-]+\.[\w.-]+)/g, (_, domain) =>
    settings.maskEmail === 'domain' ? `***@${domain}` : '***'
  );
}
