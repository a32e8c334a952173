export { default } from "jsforce";
