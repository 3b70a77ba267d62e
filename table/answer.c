#include "table/answer.h"

#include "util/mem.h"
#include "util/task.h"

enum {
	BYTES_MAX = 4 * 1024 * 1024,
	CELLS_MAX = 100000,
	PATIENCE = 10,		/* seconds for someone else's lock */
};

static bool
add(struct client_answer *out, unsigned row, unsigned column,
    const char *bytes, size_t len)
{
	struct answer *a = (struct answer *)(void *)out;

	if (len > BYTES_MAX - a->bytes.len || a->count >= CELLS_MAX) {
		a->too_large = true;
		return false;
	}
	if (a->count == a->room) {
		a->room = a->room == 0 ? 8 : a->room * 2;
		a->cells = mem_realloc(a->cells,
		    a->room * sizeof *a->cells);
	}
	a->cells[a->count++] = (struct cell){
		.row = row, .column = column, .at = a->bytes.len, .len = len,
	};
	buf_add(&a->bytes, bytes, len);
	return true;
}

/* Servers end their messages with newlines; a log line is one line. */
static void
fail(struct client_answer *out, const char *text)
{
	struct answer *a = (struct answer *)(void *)out;

	buf_set(&a->error, text);
	while (a->error.len > 0 && a->error.data[a->error.len - 1] == '\n')
		buf_cut(&a->error, a->error.len - 1);
	for (size_t i = 0; i < a->error.len; i++)
		if ((unsigned char)a->error.data[i] < ' ')
			a->error.data[i] = ' ';
}

void
answer_init(struct answer *a)
{
	*a = (struct answer){
		.out = { .add = add, .fail = fail },
		.bytes = BUF_INIT, .error = BUF_INIT,
	};
}

static void
clear(struct answer *a)
{
	a->out.lost = a->out.busy = a->out.none = a->too_large = false;
	a->count = 0;
	buf_clear(&a->bytes);
	buf_clear(&a->error);
}

void
answer_done(struct answer *a)
{
	buf_done(&a->bytes);
	buf_done(&a->error);
	mem_free(a->cells);
}

struct str
answer_value(const struct answer *a, size_t i)
{
	return (struct str){ a->bytes.data + a->cells[i].at,
	    a->cells[i].len };
}

struct job {
	const struct client_plugin   *client;
	const struct client_setting  *settings;
	const char		     *host;
	const struct client_question *question;
	struct answer		     *answer;
	void			     *connection;
	bool			      ok;
};

static void
open_job(void *arg)
{
	struct job *j = arg;

	j->connection = j->client->open(j->settings, j->host,
	    &j->answer->out);
}

static void
ask_job(void *arg)
{
	struct job *j = arg;

	j->ok = j->client->ask(j->connection, j->question, &j->answer->out);
}

static void
close_job(void *arg)
{
	struct job *j = arg;

	j->client->close(j->connection);
}

void *
answer_open(const struct client_plugin *client,
    const struct client_setting *settings, const char *host, struct buf *why)
{
	struct answer a;
	struct job    j = {
		.client = client, .settings = settings, .host = host,
		.answer = &a,
	};

	answer_init(&a);
	task_offload(open_job, &j);
	if (j.connection == NULL)
		buf_add(why, a.error.data, a.error.len);
	answer_done(&a);
	return j.connection;
}

/* A client that need not wait answers at once, in this thread: waking another
 * costs more than a look into a local file. */
enum servers_result
answer_ask(const struct client_plugin *client, void *connection,
    const struct client_question *question, struct answer *a,
    struct buf *why)
{
	struct client_question patient = *question;
	struct job	       j = {
		.client = client, .connection = connection, .answer = a,
		.question = question,
	};

	clear(a);
	if (client->quote == NULL && question->wait_seconds == 0) {
		ask_job(&j);
		if (a->out.busy) {
			clear(a);
			patient.wait_seconds = PATIENCE;
			j.question = &patient;
			task_offload(ask_job, &j);
		}
	} else {
		task_offload(ask_job, &j);
	}
	if (a->too_large) {
		buf_set(why, "the answer is too large");
		return a->out.lost ? SERVERS_LOST : SERVERS_FAILED;
	}
	if (j.ok)
		return SERVERS_DONE;
	buf_set(why, a->error.data);
	return a->out.lost ? SERVERS_LOST : SERVERS_FAILED;
}

void
answer_close(const struct client_plugin *client, void *connection)
{
	struct job j = { .client = client, .connection = connection };

	task_offload(close_job, &j);
}
