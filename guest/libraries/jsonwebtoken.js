export { default } from "jsonwebtoken";
