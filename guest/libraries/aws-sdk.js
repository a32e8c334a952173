export { default } from "aws-sdk";
