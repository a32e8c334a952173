export { default } from "twilio";
