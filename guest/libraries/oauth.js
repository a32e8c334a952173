export { default } from "oauth";
