using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using Grpc.Core;

namespace BattKomp.Lab.Server.Platform.Access;

/// <summary>Turns the token of a call into its caller. Tokens are stored only as SHA-256; answers are kept for two seconds.</summary>
public sealed class CallerResolver(CalendarDatabase database, MachineClock clock)
{
    /// <summary>The page's sign-in cookie; holds a token.</summary>
    public const string CookieName = "battlab_token";

    private static readonly TimeSpan CacheFor = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<string, (long Stamp, Caller Caller)> _cache = new();

    /// <summary>The caller behind a call's <c>authorization: Bearer</c> header or sign-in cookie; null when there is none.</summary>
    public Task<Caller?> ResolveAsync(HttpContext http, CancellationToken cancel)
    {
        var header = http.Request.Headers.Authorization.ToString();
        var token = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..].Trim()
            : http.Request.Cookies[CookieName] ?? "";
        return ResolveAsync(token, cancel);
    }

    /// <summary>The caller of a token; null when nobody issued it or it was revoked.</summary>
    public async Task<Caller?> ResolveAsync(string token, CancellationToken cancel)
    {
        if (token.Length is 0 or > 512) return null;
        var hash = Hash(token);
        if (_cache.TryGetValue(hash, out var hit) && clock.Provider.GetElapsedTime(hit.Stamp) < CacheFor) return hit.Caller;
        var caller = await database.ReadAsync(tx => LoadAsync(tx, hash, cancel), cancel);
        if (caller is null) return null;
        if (_cache.Count > 10_000) _cache.Clear();
        _cache[hash] = (clock.Provider.GetTimestamp(), caller);
        return caller;
    }

    /// <summary>The person with the affiliations in force now; what the person is called in is not asked.</summary>
    public Task<PersonCaller> PersonAsync(string person, CancellationToken cancel) => database.ReadAsync(tx => LoadPersonAsync(tx, person, cancel), cancel);

    /// <summary>Forgets kept answers; called when tokens, affiliations or agents change.</summary>
    public void Forget() => _cache.Clear();

    /// <summary>Lower-case hex SHA-256 of a token, as stored.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    private async Task<Caller?> LoadAsync(CalendarTransaction tx, string hash, CancellationToken cancel)
    {
        var subject = (await tx.QueryAsync(
            "SELECT subject FROM tokens WHERE token_sha256 = @h AND revoked_us IS NULL AND (expires_us IS NULL OR expires_us > @now)", r => r.GetString(0), cancel,
            ("h", hash), ("now", Micros.FromInstant(clock.Now)))).SingleOrDefault();
        if (subject is null) return null;
        if (subject.StartsWith("agents/", StringComparison.Ordinal))
            return (await tx.QueryAsync("SELECT lab, revoked_us FROM agents WHERE name = @n",
                r => new AgentCaller(subject, r.GetString(0), !r.IsDBNull(1)), cancel, ("n", subject))).SingleOrDefault();
        return await LoadPersonAsync(tx, subject, cancel);
    }

    private async Task<PersonCaller> LoadPersonAsync(CalendarTransaction tx, string subject, CancellationToken cancel)
    {
        var affiliations = await tx.QueryAsync(
            "SELECT name, organisation, role, lab FROM affiliations WHERE person = @p AND from_us <= @now AND (until_us IS NULL OR until_us > @now) ORDER BY name",
            r => new Affiliation(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3)), cancel,
            ("p", subject), ("now", Micros.FromInstant(clock.Now)));
        return new PersonCaller(subject, affiliations);
    }
}

/// <summary>Carries the caller from the gate to the handler.</summary>
public static class CallerContext
{
    private static readonly object Key = new();

    /// <summary>Keeps the caller with the request.</summary>
    public static void SetCaller(this HttpContext http, Caller caller) => http.Items[Key] = caller;

    /// <summary>The caller the gate let in.</summary>
    public static Caller Caller(this ServerCallContext context) => (Caller)context.GetHttpContext().Items[Key]!;

    /// <summary>The caller the gate let in; null before the gate.</summary>
    public static Caller? Caller(this HttpContext http) => http.Items[Key] as Caller;

    /// <summary>The caller as a person; an agent is refused.</summary>
    public static PersonCaller Person(this ServerCallContext context) => context.Caller() as PersonCaller
        ?? throw LabErrors.NotAllowed("do this as an agent", "Use a person's token.");

    /// <summary>The caller as an agent; a person is refused.</summary>
    public static AgentCaller Agent(this ServerCallContext context) => context.Caller() as AgentCaller
        ?? throw LabErrors.NotAllowed("do this as a person", "Use the agent's own token.");
}
