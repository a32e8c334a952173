export { default } from "moment-timezone";
