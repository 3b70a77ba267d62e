#include "mail/flush_client.h"

#include "conf/param.h"
#include "mail/peer.h"
#include "util/buf.h"
#include "util/frame.h"

static bool
matches_parents(void)
{
	struct match *parents = match_new("parent_domain_matches_subdomains",
	    conf_mail.parent_domain_matches_subdomains, false);
	bool	      yes;

	yes = match_word(parents, "fast_flush_domains") == MATCH_YES;
	match_free(parents);
	return yes;
}

static struct match *domains;

void
flush_open(void)
{
	if (domains == NULL)
		domains = match_new("fast_flush_domains",
		    conf_mail.fast_flush_domains, matches_parents());
}

enum match_result
flush_is_listed(const char *site)
{
	flush_open();
	return match_is_empty(domains) ? MATCH_NO :
	    match_domain(domains, site);
}

static enum flush_status
call(const struct frame *request)
{
	struct frame reply = FRAME_INIT;
	struct buf   path = BUF_INIT;
	uint64_t     status = FLUSH_FAIL;

	buf_addf(&path, "public/%s", conf_mail.flush_service_name);
	if (peer_call(path.data, request, &reply, FLUSH_FRAME_MAX) &&
	    reply.type == FLUSH_STATUS)
		status = frame_u64(&reply, FLUSH_KEY_STATUS, FLUSH_FAIL);
	buf_done(&path);
	frame_done(&reply);
	return status <= FLUSH_FAIL ? (enum flush_status)status : FLUSH_FAIL;
}

enum flush_status
flush_add(const char *site, const char *id)
{
	struct frame	  f = FRAME_INIT;
	enum flush_status status;

	if (flush_is_listed(site) == MATCH_NO)
		return FLUSH_DENIED;
	frame_begin(&f, FLUSH_ADD);
	frame_put_str(&f, FLUSH_KEY_SITE, site);
	frame_put_str(&f, FLUSH_KEY_ID, id);
	status = call(&f);
	frame_done(&f);
	return status;
}

enum flush_status
flush_site(const char *site)
{
	struct frame	  f = FRAME_INIT;
	enum flush_status status;

	if (flush_is_listed(site) == MATCH_NO)
		return FLUSH_DENIED;
	frame_begin(&f, FLUSH_SITE);
	frame_put_str(&f, FLUSH_KEY_SITE, site);
	status = call(&f);
	frame_done(&f);
	return status;
}
