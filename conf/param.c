/*
 * The rows of the parameter tables: the .def files once more, now as table
 * entries, and the search by name.
 */

#include <stdint.h>
#include <string.h>

#include "conf/param.h"

#define ROW(field, name, type, def, unit, min, max, flags) \
	{ name, type, def, unit, min, max, flags, \
	    offsetof(struct AREA, field) },

/* `flags` is left out by most entries: "+ 0" makes it 0 then. */
#define PARAM_BOOL(name, def, ...) \
	ROW(name, #name, PARAM_BOOL, def, 0, 0, 0, __VA_ARGS__ + 0)
#define PARAM_INT(name, def, min, max, ...) \
	ROW(name, #name, PARAM_INT, def, 0, min, max, __VA_ARGS__ + 0)
#define PARAM_LONG(name, def, min, max, ...) \
	ROW(name, #name, PARAM_LONG, def, 0, min, max, __VA_ARGS__ + 0)
#define PARAM_TIME(name, def, unit, min, max, ...) \
	ROW(name, #name, PARAM_TIME, def, unit, min, max, __VA_ARGS__ + 0)
#define PARAM_DELAY(name, def, unit, min, max, ...) \
	ROW(name, #name, PARAM_DELAY, def, unit, min, max, __VA_ARGS__ + 0)
#define PARAM_STR(name, def, min, max, ...) \
	ROW(name, #name, PARAM_STR, def, 0, min, max, __VA_ARGS__ + 0)
#define PARAM_RAW(name, def, min, max, ...) \
	ROW(name, #name, PARAM_RAW, def, 0, min, max, __VA_ARGS__ + 0)
/* For a name that is no C identifier. */
#define PARAM_STR_AS(field, name, def, min, max, ...) \
	ROW(field, name, PARAM_STR, def, 0, min, max, __VA_ARGS__ + 0)

#define AREA conf_smtpd
static const struct param smtpd_rows[] = {
#include "conf/smtpd.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_smtp
static const struct param smtp_rows[] = {
#include "conf/smtp.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_lmtp
static const struct param lmtp_rows[] = {
#include "conf/lmtp.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_postscreen
static const struct param postscreen_rows[] = {
#include "conf/postscreen.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_tls
static const struct param tls_rows[] = {
#include "conf/tls.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_milter
static const struct param milter_rows[] = {
#include "conf/milter.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_qmgr
static const struct param qmgr_rows[] = {
#include "conf/qmgr.def"
	{ .name = NULL }
};
#undef AREA
#define AREA conf_mail
static const struct param mail_rows[] = {
#include "conf/mail.def"
	{ .name = NULL }
};
#undef AREA

struct conf_smtpd	conf_smtpd;
struct conf_smtp	conf_smtp;
struct conf_lmtp	conf_lmtp;
struct conf_postscreen	conf_postscreen;
struct conf_tls		conf_tls;
struct conf_milter	conf_milter;
struct conf_qmgr	conf_qmgr;
struct conf_mail	conf_mail;

const struct param_area	param_smtpd = { "smtpd", smtpd_rows, &conf_smtpd };
const struct param_area	param_smtp = { "smtp", smtp_rows, &conf_smtp };
const struct param_area	param_lmtp = { "lmtp", lmtp_rows, &conf_lmtp };
const struct param_area	param_postscreen = {
	"postscreen", postscreen_rows, &conf_postscreen
};
const struct param_area	param_tls = { "tls", tls_rows, &conf_tls };
const struct param_area	param_milter = { "milter", milter_rows, &conf_milter };
const struct param_area	param_qmgr = { "qmgr", qmgr_rows, &conf_qmgr };
const struct param_area	param_mail = { "mail", mail_rows, &conf_mail };

const struct param_area *const param_areas[] = {
	&param_smtpd, &param_smtp, &param_lmtp, &param_postscreen, &param_tls,
	&param_milter, &param_qmgr, &param_mail, NULL
};

/*
 * Open addressing over all rows, filled at the first search: some 20
 * microseconds, where sorted tables would have to be kept sorted by hand.
 */
enum { SLOTS = 2048 };

static const struct param *slots[SLOTS];
static bool slots_filled;

/* Eight bytes a step. */
static uint32_t
hash(const char *name, size_t len)
{
	uint64_t h = len, word;

	for (; len > 0; name += sizeof word) {
		word = 0;
		memcpy(&word, name, len < sizeof word ? len : sizeof word);
		h = (h ^ word) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
		len -= len < sizeof word ? len : sizeof word;
	}
	return (uint32_t)h;
}

static void
fill_slots(void)
{
	const struct param *p;
	uint32_t	    at;

	for (int i = 0; param_areas[i] != NULL; i++)
		for (p = param_areas[i]->params; p->name != NULL; p++) {
			at = hash(p->name, strlen(p->name)) % SLOTS;
			while (slots[at] != NULL)
				at = (at + 1) % SLOTS;
			slots[at] = p;
		}
	slots_filled = true;
}

const struct param *
param_find(const char *name)
{
	uint32_t at = hash(name, strlen(name)) % SLOTS;

	if (!slots_filled)
		fill_slots();
	while (slots[at] != NULL && strcmp(slots[at]->name, name) != 0)
		at = (at + 1) % SLOTS;
	return slots[at];
}
