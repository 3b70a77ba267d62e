/*
 * The rows of the parameter tables: the .def files once more, now as table
 * entries, and the search by name.
 *
 * Rows hold no pointers: names and defaults are offsets into one constant, so
 * that the loader has nothing to relocate here when a program starts, and all
 * processes share the pages.
 */

#include <string.h>

#include "conf/param.h"

/* Each of the passes over the .def files says what P is for it. */
#define FLAGS(...) 0 __VA_OPT__(| (__VA_ARGS__))
#define PARAM_BOOL(name, def, ...) \
	P(name, #name, PARAM_BOOL, def, 0, 0, 0, FLAGS(__VA_ARGS__))
#define PARAM_INT(name, def, min, max, ...) \
	P(name, #name, PARAM_INT, def, 0, min, max, FLAGS(__VA_ARGS__))
#define PARAM_LONG(name, def, min, max, ...) \
	P(name, #name, PARAM_LONG, def, 0, min, max, FLAGS(__VA_ARGS__))
#define PARAM_TIME(name, def, unit, min, max, ...) \
	P(name, #name, PARAM_TIME, def, unit, min, max, FLAGS(__VA_ARGS__))
#define PARAM_DELAY(name, def, unit, min, max, ...) \
	P(name, #name, PARAM_DELAY, def, unit, min, max, FLAGS(__VA_ARGS__))
#define PARAM_STR(name, def, min, max, ...) \
	P(name, #name, PARAM_STR, def, 0, min, max, FLAGS(__VA_ARGS__))
#define PARAM_RAW(name, def, min, max, ...) \
	P(name, #name, PARAM_RAW, def, 0, min, max, FLAGS(__VA_ARGS__))
/* For a name that is no C identifier. */
#define PARAM_STR_AS(field, name, def, min, max, ...) \
	P(field, name, PARAM_STR, def, 0, min, max, FLAGS(__VA_ARGS__))

enum id {
#define BEGIN(area) BEGIN_##area, BEFORE_##area = BEGIN_##area - 1,
#define P(field, ...) ID_##field,
#include "conf/all.def"
#undef BEGIN
#undef P
};

#define BEGIN(area)

struct texts {
	char empty[1];		/* of a row that is all zeros */
#define P(field, name, type, def, ...) \
	char name_##field[sizeof name], def_##field[sizeof def];
#include "conf/all.def"
#undef P
};

static const struct texts texts = {
	"",
#define P(field, name, type, def, ...) name, def,
#include "conf/all.def"
#undef P
};

#define P(field, name, type, def, unit, min, max, flags) \
	{ offsetof(struct texts, name_##field), \
	    offsetof(struct texts, def_##field), \
	    offsetof(struct AREA, field), type, unit, flags, min, max },

const struct param param_rows[] = {
#define AREA conf_smtpd
#include "conf/smtpd.def"
#undef AREA
#define AREA conf_smtp
#include "conf/smtp.def"
#undef AREA
#define AREA conf_lmtp
#include "conf/lmtp.def"
#undef AREA
#define AREA conf_postscreen
#include "conf/postscreen.def"
#undef AREA
#define AREA conf_tls
#include "conf/tls.def"
#undef AREA
#define AREA conf_milter
#include "conf/milter.def"
#undef AREA
#define AREA conf_qmgr
#include "conf/qmgr.def"
#undef AREA
#define AREA conf_mail
#include "conf/mail.def"
#undef AREA
};

_Static_assert(sizeof param_rows / sizeof *param_rows == PARAM_COUNT,
    "PARAM_COUNT is right");

struct conf_smtpd	conf_smtpd;
struct conf_smtp	conf_smtp;
struct conf_lmtp	conf_lmtp;
struct conf_postscreen	conf_postscreen;
struct conf_tls	conf_tls;
struct conf_milter	conf_milter;
struct conf_qmgr	conf_qmgr;
struct conf_mail	conf_mail;

#define RANGE(area, next) \
	param_rows + BEGIN_##area, param_rows + next, &conf_##area

const struct param_area	param_smtpd = { RANGE(smtpd, BEGIN_smtp) };
const struct param_area	param_smtp = { RANGE(smtp, BEGIN_lmtp) };
const struct param_area	param_lmtp = { RANGE(lmtp, BEGIN_postscreen) };
const struct param_area	param_postscreen = { RANGE(postscreen, BEGIN_tls) };
const struct param_area	param_tls = { RANGE(tls, BEGIN_milter) };
const struct param_area	param_milter = { RANGE(milter, BEGIN_qmgr) };
const struct param_area	param_qmgr = { RANGE(qmgr, BEGIN_mail) };
const struct param_area	param_mail = { RANGE(mail, PARAM_COUNT) };

/* In the order of their names. */
static const unsigned short sorted[] = {
#include "param_ids.h"
};

_Static_assert(sizeof sorted / sizeof *sorted == PARAM_COUNT,
    "param_ids.h has all of them");

const char *
param_name(const struct param *p)
{
	return (const char *)&texts + p->name;
}

const char *
param_def(const struct param *p)
{
	return (const char *)&texts + p->def;
}

const struct param *
param_find(const char *name)
{
	size_t low = 0, high = PARAM_COUNT, mid;
	int    c;

	while (low < high) {
		mid = (low + high) / 2;
		c = strcmp(name, param_name(&param_rows[sorted[mid]]));
		if (c == 0)
			return &param_rows[sorted[mid]];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}
