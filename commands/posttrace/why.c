/* why - what a status means, in plain words */

#include "commands/posttrace/why.h"

#include <string.h>

/* Texts first: they say more than a code.  The first that fits counts. */
static const struct {
	const char *text, *meaning;
} texts[] = {
	{ "Connection timed out", "The other host did not answer at all: it "
	    "is down, or a firewall on the way drops the connection. Test "
	    "with \"nc -v HOST 25\"; many providers block port 25 for "
	    "outgoing mail." },
	{ "Connection refused", "The other host is up, but no mail server "
	    "listens on that port." },
	{ "No route to host", "The network knows no way to the other host." },
	{ "Network is unreachable", "This machine has no route there; for an "
	    "IPv6 address, no IPv6 (inet_protocols = ipv4 avoids it)." },
	{ "lost connection with", "The other host hung up in the middle of "
	    "the session." },
	{ "conversation with", "The other host stopped answering in the "
	    "middle of the session." },
	{ "Host or domain name not found", "DNS has no mail server and no "
	    "address for the domain, or did not answer: a misspelt domain, "
	    "or trouble with DNS." },
	{ "does not accept mail (nullMX)", "The domain says in DNS that it "
	    "takes no mail." },
	{ "loops back to myself", "The way of this mail leads back to this "
	    "host: the domain's MX is us, but it is not in mydestination, "
	    "virtual_mailbox_domains or relay_domains." },
	{ "Greylist", "The other host greylists: it takes mail from an "
	    "unknown sender only at a second attempt, some minutes later. "
	    "Nothing has to be done." },
	{ "greylist", "The other host greylists: it takes mail from an "
	    "unknown sender only at a second attempt, some minutes later. "
	    "Nothing has to be done." },
	{ "Relay access denied", "The client is not in mynetworks and has "
	    "not logged in, and the domain is not ours: mail is not passed "
	    "on for strangers." },
	{ "User unknown", "No such mailbox there." },
	{ "user unknown", "No such mailbox there." },
	{ "does not exist", "No such mailbox there." },
	{ "blocked using", "The client's address is on the DNS block list "
	    "that is named." },
	{ "Cannot find your hostname", "The client's address has no name in "
	    "DNS, or one that does not lead back to it." },
	{ "Helo command rejected", "The name that the client gave with HELO "
	    "was not accepted by smtpd_helo_restrictions." },
	{ "Sender address rejected", "smtpd_sender_restrictions did not "
	    "accept the sender." },
	{ "Client host rejected", "smtpd_client_restrictions did not accept "
	    "the client." },
	{ "Recipient address rejected", "smtpd_recipient_restrictions or the "
	    "tables of valid recipients did not accept the recipient." },
	{ "over quota", "The mailbox is full." },
	{ "quota exceeded", "The mailbox is full." },
	{ "mailbox full", "The mailbox is full." },
	{ "SPF", "The other host found that this host may not send mail for "
	    "the sender's domain: see the domain's SPF record." },
	{ "DMARC", "The sender's domain has a DMARC policy, and neither SPF "
	    "nor DKIM agreed with it." },
	{ "DKIM", "A DKIM signature is missing or not valid." },
	{ "unable to authenticate", "Log-in at the relay host failed: see "
	    "smtp_sasl_password_maps." },
	{ "authentication failed", "Log-in failed: wrong name or password." },
	{ "Cannot start TLS", "TLS was wanted, but its handshake failed." },
	{ "TLS is required", "TLS was required, but the other host did not "
	    "offer it." },
	{ "certificate", "The other host's certificate was not trusted." },
	{ "Message size exceeds", "The message is larger than the limit "
	    "there." },
	{ "Queue file write error", "cleanup could not store the message: "
	    "disk full, or a size limit; see the log before this line." },
	{ "mail system configuration error", "A mistake in main.cf or "
	    "master.cf here; the log has a warning before this line." },
	{ "mail forwarding loop", "The mail came by here before: an alias or "
	    "a .forward leads in a circle." },
	{ "too many hops", "The mail has passed more hosts than "
	    "hopcount_limit: it goes in a circle." },
	{ "deferred transport", "defer_transports in main.cf keeps mail for "
	    "this transport waiting; \"postqueue -f\" sends it all the same." },
	{ "mail transport unavailable", "master.cf has no such service, or "
	    "its program does not start: the log says so before this line." },
	{ "delivery temporarily suspended", "The destination failed for all "
	    "mail just before, so it was not tried again yet." },
	{ "queued as", NULL },
};

/* By the last two numbers (RFC 3463, and the registry of RFC 5248); those with
 * class 2 are of use only where they say more than "well". */
static const struct {
	const char *code, *meaning;
} codes[] = {
	{ "1.1", "The mailbox does not exist." },
	{ "1.2", "The domain of the address does not exist." },
	{ "1.3", "The address is not well-formed." },
	{ "1.6", "The mailbox has moved." },
	{ "1.7", "The sender's address is not well-formed." },
	{ "1.8", "The sender's domain does not exist in DNS." },
	{ "1.10", "The domain says that it takes no mail (null MX)." },
	{ "2.0", "Something is the matter with the mailbox." },
	{ "2.1", "The mailbox is disabled." },
	{ "2.2", "The mailbox is full." },
	{ "2.3", "The message is larger than the mailbox takes." },
	{ "2.4", "The mailing list could not be expanded." },
	{ "3.0", "The mail system there has trouble." },
	{ "3.1", "The disk there is full." },
	{ "3.2", "The other host takes no mail now." },
	{ "3.4", "The message is larger than the limit." },
	{ "3.5", "The mail system is not configured well." },
	{ "4.0", "The network or a lookup failed for now." },
	{ "4.1", "The other host did not answer." },
	{ "4.2", "The connection broke." },
	{ "4.3", "A lookup (DNS, or a table) failed for now." },
	{ "4.4", "It is not known where to deliver: DNS has no answer that "
	    "can be used." },
	{ "4.5", "The other host has too much to do." },
	{ "4.6", "The mail goes in a circle." },
	{ "4.7", "The mail was too long on its way." },
	{ "5.0", "The two hosts did not understand each other." },
	{ "5.1", "A command came at the wrong time." },
	{ "5.2", "A command was not understood." },
	{ "5.3", "Too many recipients in one go." },
	{ "5.4", "A command had arguments that are not valid." },
	{ "6.0", "The content was not accepted." },
	{ "6.2", "The content needs a conversion that is not allowed." },
	{ "6.3", "The content needs a conversion that is not supported." },
	{ "6.7", "The address needs SMTPUTF8, which the other host does not "
	    "have." },
	{ "7.0", "Security or policy forbids it." },
	{ "7.1", "Policy forbids it: a rule, a block list, or relaying for a "
	    "stranger." },
	{ "7.4", "The security that was asked for can't be had: TLS." },
	{ "7.5", "The other host could not prove who it is (certificate)." },
	{ "7.8", "Log-in failed: wrong name or password." },
	{ "7.9", "The way of logging in is too weak for that host." },
	{ "7.20", "No valid DKIM signature." },
	{ "7.23", "SPF: the host may not send for the domain." },
	{ "7.24", "SPF: the check failed." },
	{ "7.25", "The client's address has no valid name in DNS." },
	{ "7.26", "Neither SPF nor DKIM were valid (DMARC)." },
	{ "7.27", "The sender's domain takes no mail (null MX)." },
};

static bool
has(struct str s, const char *text)
{
	return s.n > 0 && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool
add_text(struct buf *b, struct str text)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (has(text, texts[i].text)) {
			if (texts[i].meaning == NULL)
				return false;
			buf_adds(b, texts[i].meaning);
			return true;
		}
	return false;
}

static bool
add_code(struct buf *b, struct str dsn)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (dsn.n == strlen(codes[i].code) + 2 &&
		    memcmp(dsn.p + 2, codes[i].code, dsn.n - 2) == 0) {
			buf_adds(b, codes[i].meaning);
			return true;
		}
	return false;
}

bool
why_explain(struct buf *b, struct str dsn, struct str text)
{
	char class = dsn.n > 0 ? *dsn.p : text.n > 0 ? *text.p : ' ';
	bool said;

	if (class == '2')
		return false;
	said = add_text(b, text) || add_code(b, dsn);
	if (class == '4')
		buf_adds(b, said ? " It is tried again." :
		    "A failure for now: it is tried again.");
	else if (class == '5' && !said)
		buf_adds(b, "Refused for good: it is not tried again.");
	return said || class == '4' || class == '5';
}
