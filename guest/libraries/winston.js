import winston from "winston";

export default { winston };
