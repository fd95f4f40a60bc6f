using System.Buffers.Text;
using System.Security.Cryptography;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>A feed as stored.</summary>
/// <param name="Message">Without its address, which nobody knows but its owner.</param>
/// <param name="Owner">persons/…: it shows what this person may see.</param>
/// <param name="UidKey">32 secret bytes.</param>
internal sealed record StoredFeed(Feed Message, string Owner, byte[] UidKey);

/// <summary>Feeds: made, listed, revoked, and found by their token, of which only the hash is kept.</summary>
public sealed class Feeds(CalendarDatabase database, MachineClock clock)
{
    /// <summary>Feeds that one person may have at a time.</summary>
    public const int MostOfOnePerson = 50;

    // 32 random bytes as base64url: 43 characters.
    private const int TokenBytes = 32;
    private const string Columns = "name, of_name, created_us, revoked_us, owner, uid_key";

    /// <summary>Makes a feed; returns it with its token, which is told once.</summary>
    /// <exception cref="LabException">FIELDS_INVALID when the person has <see cref="MostOfOnePerson"/>.</exception>
    internal Task<(Feed Feed, string Token)> CreateAsync(PersonCaller owner, string of, CancellationToken cancel)
    {
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var (name, now) = ($"feeds/{Guid.CreateVersion7()}", Micros.FromInstant(clock.Now));
        return database.WriteAsync(async tx =>
        {
            // Two creates at once must count one after the other.
            if (tx.Dialect == "postgres") await tx.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@k, 8))", cancel, ("k", owner.Name));
            if ((await OfAsync(tx, owner, cancel)).Count >= MostOfOnePerson)
                throw LabErrors.FieldsInvalid([("of", $"would be feed {MostOfOnePerson + 1} of yours; revoke one that you no longer use.")]);
            await tx.ExecuteAsync("INSERT INTO feeds (name, token_sha256, owner, of_name, uid_key, created_us) VALUES (@n, @h, @o, @of, @k, @t)", cancel,
                ("n", name), ("h", CallerResolver.Hash(token)), ("o", owner.Name), ("of", of), ("k", RandomNumberGenerator.GetBytes(TokenBytes)), ("t", now));
            return (new Feed { Name = name, Of = of, CreateTime = Timestamps.FromMicros(now) }, token);
        }, cancel);
    }

    /// <summary>The person's feeds that are not revoked, oldest first.</summary>
    internal Task<List<Feed>> ListAsync(PersonCaller owner, CancellationToken cancel) => database.ReadAsync(tx => OfAsync(tx, owner, cancel), cancel);

    /// <summary>Revokes a feed of the person; one that is revoked stays as it is.</summary>
    /// <exception cref="LabException">RESOURCE_NOT_FOUND, also for another person's feed.</exception>
    internal async Task<Feed> RevokeAsync(CalendarTransaction tx, PersonCaller owner, string name, CancellationToken cancel)
    {
        await tx.ExecuteAsync("UPDATE feeds SET revoked_us = @t WHERE name = @n AND owner = @o AND revoked_us IS NULL", cancel,
            ("t", Micros.FromInstant(clock.Now)), ("n", name), ("o", owner.Name));
        var found = await tx.QueryAsync($"SELECT {Columns} FROM feeds WHERE name = @n AND owner = @o", Map, cancel, ("n", name), ("o", owner.Name));
        return found.Count == 1 ? found[0].Message : throw LabErrors.NotFound(name);
    }

    /// <summary>The feed of a token; null when it is malformed, unknown or revoked.</summary>
    internal async Task<StoredFeed?> FindAsync(string token, CancellationToken cancel)
    {
        if (token.Length > 512) return null;
        var hash = CallerResolver.Hash(token);
        return (await database.ReadAsync(tx => tx.QueryAsync($"SELECT {Columns} FROM feeds WHERE token_sha256 = @h AND revoked_us IS NULL", Map, cancel, ("h", hash)), cancel)).SingleOrDefault();
    }

    private static async Task<List<Feed>> OfAsync(CalendarTransaction tx, PersonCaller owner, CancellationToken cancel) =>
        [.. (await tx.QueryAsync($"SELECT {Columns} FROM feeds WHERE owner = @o AND revoked_us IS NULL ORDER BY created_us, name", Map, cancel, ("o", owner.Name))).Select(f => f.Message)];

    private static StoredFeed Map(System.Data.Common.DbDataReader row) => new(
        new Feed
        {
            Name = row.GetString(0),
            Of = row.GetString(1),
            CreateTime = Timestamps.FromMicros(row.GetInt64(2)),
            RevokeTime = Timestamps.FromMicros(row.IsDBNull(3) ? null : row.GetInt64(3)),
        },
        row.GetString(4),
        row.GetFieldValue<byte[]>(5));
}
