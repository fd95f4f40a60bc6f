using System.Security.Cryptography;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>Invitations of agents: made by a lab manager, used once, turned into the agent's own key. All times are the server's.</summary>
public sealed class Enrolments(CalendarDatabase database, AgentRegister agents, Audit audit, MachineClock clock)
{
    private const string TokenPrefix = "enrol-";
    private static readonly Duration Standard = Duration.FromHours(24), Longest = Duration.FromDays(30);

    private sealed record Row(string Agent, string Lab, long ExpiresUs, bool Void, string KeySha256);

    /// <summary>Makes an invitation and voids the agent's earlier unused ones.</summary>
    /// <exception cref="LabException">FIELDS_INVALID for the time; RESOURCE_EXISTS when the agent is another lab's.</exception>
    public async Task<Enrolment> CreateAsync(string agent, string lab, Instant? expires, string by, CancellationToken cancel)
    {
        var now = clock.Now;
        var end = expires ?? now + Standard;
        new FieldChecks()
            .Require(end > now && end <= now + Longest, "expire_time", "must lie within the next 30 days; leave it out for 24 h.")
            .ThrowIfAny();
        var token = TokenPrefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        await database.WriteAsync(async tx =>
        {
            if (await AgentRegister.LabOfAsync(tx, agent, cancel) is { } taken && taken != lab) throw LabErrors.Exists(agent);
            await tx.ExecuteAsync("UPDATE enrolments SET void_us = @t WHERE agent = @a AND used_us IS NULL AND void_us IS NULL", cancel, ("t", Micros.FromInstant(now)), ("a", agent));
            await tx.ExecuteAsync(
                "INSERT INTO enrolments (token_sha256, agent, lab, created_by, created_us, expires_us) VALUES (@h, @a, @l, @by, @t, @e)", cancel,
                ("h", CallerResolver.Hash(token)), ("a", agent), ("l", lab), ("by", by), ("t", Micros.FromInstant(now)), ("e", Micros.FromInstant(end)));
            await audit.WriteAsync(tx, by, "invite-agent", agent, "", $"until {end}", cancel);
        }, cancel);
        return new Enrolment { Agent = agent, Lab = lab, Token = token, ExpireTime = Timestamps.FromInstant(end) };
    }

    /// <summary>Uses an invitation: the agent holds this key from now on, and nothing else.</summary>
    /// <returns>agents/…, and whether the key is new to it (false for a repeat).</returns>
    /// <exception cref="LabException">FIELDS_INVALID when it is not a P-256 key; ENROLMENT_REFUSED.</exception>
    public async Task<(string Agent, bool Changed)> UseAsync(string token, byte[] publicKey, CancellationToken cancel)
    {
        new FieldChecks().Require(AgentKeys.IsKey(publicKey), "public_key", "must be an ECDSA P-256 key as SubjectPublicKeyInfo in DER.").ThrowIfAny();
        var (hash, key) = (CallerResolver.Hash(token), Convert.ToHexStringLower(SHA256.HashData(publicKey)));
        return await database.WriteAsync(async tx =>
        {
            var now = Micros.FromInstant(clock.Now);
            // The used mark is set first: of two that race with one token, the second finds it used in both dialects.
            var first = await tx.ExecuteAsync(
                "UPDATE enrolments SET used_us = @t, key_sha256 = @k WHERE token_sha256 = @h AND used_us IS NULL AND void_us IS NULL AND expires_us > @t", cancel,
                ("t", now), ("k", key), ("h", hash)) == 1;
            var row = (await tx.QueryAsync("SELECT agent, lab, expires_us, void_us, key_sha256 FROM enrolments WHERE token_sha256 = @h",
                r => new Row(r.GetString(0), r.GetString(1), r.GetInt64(2), !r.IsDBNull(3), r.GetString(4)), cancel, ("h", hash))).SingleOrDefault();
            if (row is null || (!first && row.KeySha256 != key)) throw AgentErrors.NotEnrolled(WhyNot(row));
            if (first) await agents.GiveKeyAsync(tx, row.Agent, row.Lab, publicKey, cancel);
            else if (!await AgentKeys.HoldsAsync(tx, row.Agent, publicKey, cancel)) throw AgentErrors.NotEnrolled("its key has been replaced since.");
            return (row.Agent, first);
        }, cancel);
    }

    private static string WhyNot(Row? row) => row switch
    {
        null => "nobody issued it.",
        { KeySha256.Length: > 0 } => "it was used before with another key. If that was not you, somebody else has it: tell the lab manager now.",
        { Void: true } => "a later invitation replaced it.",
        _ => "its time is over.",
    };
}
