using System.Security.Cryptography;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Platform.Idempotency;

/// <summary>
/// Answers by request_id. The answer is stored in the transaction that earned it, so a replay after a lost reply returns
/// the first answer and does nothing; the same id with other content is an error.
/// </summary>
public sealed class RequestLog(CalendarDatabase database, MachineClock clock)
{
    /// <summary>Finds an answer by <c>@s</c> subject and <c>@r</c> request id; for slices that put it into a batch of their own.</summary>
    public const string FindSql = "SELECT content_sha256, response FROM requests WHERE subject = @s AND request_id = @r";

    /// <summary>Stores an answer; see <see cref="FindSql"/>.</summary>
    public const string StoreSql = "INSERT INTO requests (subject, request_id, method, content_sha256, response, created_us) VALUES (@s, @r, @m, @c, @b, @t)";

    /// <summary>Queues replays of one request id behind each other in PostgreSQL; <c>@k</c> is <see cref="LockKey"/>.</summary>
    public const string PostgresLockSql = "SELECT pg_advisory_xact_lock(hashtextextended(@k, 7))";

    /// <summary>What a request id is locked by.</summary>
    public static string LockKey(string subject, string requestId) => subject + "\n" + requestId;

    /// <summary>
    /// Runs <paramref name="work"/> in a write transaction, once per (subject, request id). An empty id runs it unguarded.
    /// A refusal stores nothing: the same id may be tried again.
    /// </summary>
    /// <exception cref="LabException">REQUEST_ID_REUSED; FIELDS_INVALID when the id is longer than 64 characters.</exception>
    public Task<TResponse> OnceAsync<TResponse>(
        string subject, string method, string requestId, IMessage request, MessageParser<TResponse> parser,
        Func<CalendarTransaction, Task<TResponse>> work, CancellationToken cancel)
        where TResponse : class, IMessage<TResponse>
    {
        if (requestId.Length > 64) throw LabErrors.FieldsInvalid([("request_id", "is longer than 64 characters; use a UUID.")]);
        if (requestId.Length == 0) return database.WriteAsync(work, cancel);
        var content = ContentHash(method, request);
        return database.WriteAsync(async tx =>
        {
            if (await FindAsync(tx, subject, requestId, content, parser, cancel) is { } earlier) return earlier;
            var response = await work(tx);
            await StoreAsync(tx, subject, requestId, method, content, response, cancel);
            return response;
        }, cancel);
    }

    /// <summary>Hash over the method and the request's deterministic encoding.</summary>
    public static string ContentHash(string method, IMessage request) =>
        Convert.ToHexStringLower(SHA256.HashData([.. System.Text.Encoding.UTF8.GetBytes(method), 0, .. request.ToByteArray()]));

    /// <summary>The stored answer; null when the id is new.</summary>
    /// <exception cref="LabException">REQUEST_ID_REUSED when the id was used with other content.</exception>
    public async Task<TResponse?> FindAsync<TResponse>(
        CalendarTransaction tx, string subject, string requestId, string content, MessageParser<TResponse> parser, CancellationToken cancel)
        where TResponse : class, IMessage<TResponse>
    {
        // Two replays that race in PostgreSQL must queue here, or both would do the work.
        if (tx.Dialect == "postgres")
            await tx.ExecuteAsync(PostgresLockSql, cancel, ("k", LockKey(subject, requestId)));
        var rows = await tx.QueryAsync(FindSql,
            r => (Content: r.GetString(0), Response: r.GetFieldValue<byte[]>(1)), cancel, ("s", subject), ("r", requestId));
        if (rows.Count == 0) return null;
        if (rows[0].Content != content) throw LabErrors.RequestIdReused(requestId);
        return parser.ParseFrom(rows[0].Response);
    }

    /// <summary>Keeps an answer.</summary>
    public Task StoreAsync(CalendarTransaction tx, string subject, string requestId, string method, string content, IMessage response, CancellationToken cancel) =>
        tx.ExecuteAsync(StoreSql, cancel,
            ("s", subject), ("r", requestId), ("m", method), ("c", content), ("b", response.ToByteArray()), ("t", Micros.FromInstant(clock.Now)));
}
