import client from "@sendgrid/client";
import mail from "@sendgrid/mail";

export default { client, mail };
