// What ordinary functions do to an event: read, compute, mask, rename, filter.
const PLANS = { free: 0, pro: 1, team: 2 };
const seen = new Map();

function onTrack(event, settings) {
  const { properties = {}, context = {} } = event;
  const email = String(properties.email || "").trim().toLowerCase();
  const parts = /^([^@\s]+)@([^@\s]+\.[a-z]{2,})$/i.exec(email);
  if (parts) {
    let hash = 5381;
    for (let i = 0; i < email.length; i++) hash = (Math.imul(hash, 33) ^ email.charCodeAt(i)) >>> 0;
    properties.emailHash = ("0000000" + hash.toString(16)).slice(-8);
    properties.emailMasked = parts[1].slice(0, 1) + parts[1].slice(1).replace(/[a-z0-9]/gi, "*") + "@" + parts[2];
    delete properties.email;
  }
  let total = 0;
  for (const item of properties.products || []) total += item.price * item.quantity;
  properties.total = Math.round(total * 100) / 100;
  const renamed = {};
  for (const key of Object.keys(properties)) {
    renamed[key.replace(/([A-Z])/g, (_, c) => "_" + c.toLowerCase())] = properties[key];
  }
  for (const [key, value] of Object.entries(context)) if (value === null) delete context[key];
  event.properties = { ...renamed, plan: PLANS[settings.plan] ?? -1, region: settings.region };
  if (typeof context.ip === "string") context.ip = context.ip.replace(/\.\d+$/, ".0");
  context.mobile = /Mobile|Android|iPhone/.test(context.userAgent);
  const words = (event.event || "").split(" ").map((w) => w.toLowerCase()).filter(Boolean).join("_");
  event.event = words || event.event;
  if (/bot|crawler|spider/i.test(context.userAgent)) throw new DropEvent("bot");
  if (!event.userId) throw new ValidationError("no user");
  seen.set(event.userId, (seen.get(event.userId) || 0) + 1);
  return event;
}

async function onIdentify(event) {
  const traits = event.traits || {};
  traits.name = [traits.firstName, traits.lastName].filter((part) => part).join(" ").trim();
  traits.tags = [...new Set(["a", "b", "a"])].sort((a, b) => (a < b ? -1 : 1));
  traits.copy = JSON.parse(JSON.stringify(traits));
  traits.when = new Date(event.timestamp).toISOString();
  traits.count = Object.values(traits).reduce((n, v) => n + (typeof v === "string" ? v.length : 1), 0);
  try {
    JSON.parse("{");
  } catch (error) {
    console.log("parse", error.message, { nested: [1, 2] });
  }
  await Promise.all([Promise.resolve(1), new Promise((resolve) => resolve(2))]);
  return Object.assign({}, event, { traits });
}

const onPage = async (event) => {
  const url = new URL(event.properties.url);
  event.properties.host = url.host;
  event.properties.utm = url.searchParams.get("utm_source");
  event.properties.encoded = encodeURIComponent(event.properties.title) + btoa("k:") + parseInt("42", 10);
  event.properties.token = Buffer.from("token").toString("base64");
  return event;
};

function onGroup() {
  return null;
}
