/* dns_filter - smtp_dns_reply_filter, smtpd_dns_reply_filter */

#ifndef MAIL_DNS_FILTER_H
#define MAIL_DNS_FILTER_H

/* Opens the tables of that parameter and, if there are some, sets the filter
 * of net/dns.h for this process.  Before the jail. */
void	dns_filter_init(const char *parameter, const char *tables);

#endif
