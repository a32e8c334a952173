// Libraries that enter a function which names them. Their own types are theirs to tell.

declare var AWS: any;
declare var OAuth: any;
declare var _: any;
declare var fetchretrylib: any;
declare var google: { cloud: Record<"automl" | "bigquery" | "datastore" | "firestore" | "functions" | "pubsub" | "storage" | "tasks", any> };
declare var hubspotlib: any;
declare var jsforce: any;
declare var jsonwebtoken: any;
declare var libphonenumberjslib: any;
declare var mailchimplib: any;
declare var moment: any;
declare var nodemailjet: any;
declare var sendgrid: any;
declare var skyflowlib: any;
declare var stripe: any;
declare var twilio: any;
declare var uuidv5: { uuidv5(namespace: string, name: string): string };
declare var winstonlib: any;
declare var xml: any;
declare var xml2js: any;
