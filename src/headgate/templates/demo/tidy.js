// What a shop does to its events before an analytics tool gets them: mask addresses, add up orders in one currency,
// leave out its own staff, and refuse what the tool could not use.

async function onTrack(event, settings) {
  if (event.event === 'Order Completed') {
    const { products, currency } = event.properties;
    const rate = settings.rates[currency];
    if (!rate) throw new ValidationError(`no rate for currency ${currency}`);
    const total = products.reduce((sum, product) => sum + product.price * product.quantity, 0);
    event.properties.totalUsd = Math.round((total / rate) * 100) / 100;
  }
  return tidy(event, settings);
}

async function onIdentify(event, settings) {
  const { email } = event.traits;
  if (email?.endsWith('@shop.example')) throw new DropEvent('one of our own people');
  return tidy(event, settings);
}

async function onPage(event, settings) {
  const { host, searchParams } = new URL(event.properties.url);
  event.properties.host = host;
  event.properties.campaign = searchParams.get('utm_campaign') ?? 'none';
  return tidy(event, settings);
}

async function onGroup(event, settings) {
  return tidy(event, settings);
}

function tidy(event, settings) {
  const traits = event.traits ?? {};
  if (traits.email) traits.email = traits.email.replace(/^[^@]*/, '***');
  event.context.region = settings.region;
  return event;
}
