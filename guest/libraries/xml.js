export { default } from "xml";
