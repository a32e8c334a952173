import mailchimp from "@mailchimp/mailchimp_marketing";

export default { mailchimp };
