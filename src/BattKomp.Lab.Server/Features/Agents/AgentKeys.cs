using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>
/// Sessions for agents that hold their own key. A challenge carries its own end and a keyed hash, so that nothing is stored for
/// whoever asks; the session's row is what makes it good for one session only. The agent's clock has no part in it.
/// </summary>
public sealed class AgentKeys(CalendarDatabase database, LeaseKeyFile secrets, MachineClock clock)
{
    private const string Curve = "1.2.840.10045.3.1.7", Context = "battlab-agent-session";
    private const int StampBytes = 8, NonceBytes = 16, HashBytes = 32, LargestKey = 256;
    private static readonly Duration ChallengeLife = Duration.FromMinutes(1);

    /// <summary>How long a session token lives.</summary>
    public static readonly Duration SessionLife = Duration.FromHours(1);

    /// <summary>True when the bytes are an ECDSA P-256 public key.</summary>
    public static bool IsKey(byte[] publicKey)
    {
        using var key = Read(publicKey);
        return key is not null;
    }

    /// <summary>True when the agent's key is this one.</summary>
    public static async Task<bool> HoldsAsync(CalendarTransaction tx, string agent, byte[] publicKey, CancellationToken cancel) =>
        await KeyOfAsync(tx, agent, cancel) is { } known && known.AsSpan().SequenceEqual(publicKey);

    /// <summary>A challenge for a name, whether or not there is such an agent.</summary>
    public ByteString Challenge(string agent)
    {
        var bytes = new byte[StampBytes + NonceBytes + HashBytes];
        BinaryPrimitives.WriteInt64BigEndian(bytes, Micros.FromInstant(clock.Now + ChallengeLife));
        RandomNumberGenerator.Fill(bytes.AsSpan(StampBytes, NonceBytes));
        Seal(agent, bytes.AsSpan(0, StampBytes + NonceBytes)).CopyTo(bytes, StampBytes + NonceBytes);
        return ByteString.CopyFrom(bytes);
    }

    /// <summary>The token of a new session; null when the proof does not hold.</summary>
    public async Task<AgentSessionToken?> OpenAsync(string agent, byte[] challenge, byte[] signature, CancellationToken cancel)
    {
        if (!IsOurs(agent, challenge)) return null;
        var token = "session-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var opened = await database.WriteAsync(async tx =>
        {
            if (await KeyOfAsync(tx, agent, cancel) is not { } known || !Signed(known, agent, challenge, signature)) return false;
            var now = Micros.FromInstant(clock.Now);
            await tx.ExecuteAsync("DELETE FROM tokens WHERE subject = @s AND expires_us <= @t", cancel, ("s", agent), ("t", now));
            return await tx.ExecuteAsync(
                "INSERT INTO tokens (token_sha256, subject, created_us, expires_us, challenge_sha256) VALUES (@h, @s, @t, @e, @c) ON CONFLICT (challenge_sha256) DO NOTHING", cancel,
                ("h", CallerResolver.Hash(token)), ("s", agent), ("t", now), ("e", Micros.FromInstant(clock.Now + SessionLife)),
                ("c", Convert.ToHexStringLower(SHA256.HashData(challenge)))) == 1;
        }, cancel);
        return opened ? new AgentSessionToken { Agent = agent, Token = token, LifetimeSeconds = SessionLife.TotalSeconds } : null;
    }

    private bool IsOurs(string agent, byte[] challenge) => challenge.Length == StampBytes + NonceBytes + HashBytes
        && CryptographicOperations.FixedTimeEquals(Seal(agent, challenge.AsSpan(0, StampBytes + NonceBytes)), challenge.AsSpan(StampBytes + NonceBytes))
        && BinaryPrimitives.ReadInt64BigEndian(challenge) > Micros.FromInstant(clock.Now);

    private byte[] Seal(string agent, ReadOnlySpan<byte> stampAndNonce) =>
        HMACSHA256.HashData(secrets.Secret(Context), (byte[])[.. Encoding.UTF8.GetBytes(agent), 0, .. stampAndNonce]);

    private static bool Signed(byte[] publicKey, string agent, byte[] challenge, byte[] signature)
    {
        using var key = Read(publicKey);
        byte[] signed = [.. Encoding.UTF8.GetBytes(Context), 0, .. Encoding.UTF8.GetBytes(agent), 0, .. challenge];
        return key is not null && signature.Length == 64
            && key.VerifyData(signed, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private static ECDsa? Read(byte[] publicKey)
    {
        if (publicKey.Length is 0 or > LargestKey) return null;
        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(publicKey, out var read);
            if (read == publicKey.Length && key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == Curve) return key;
        }
        catch (CryptographicException)
        {
            // Not a key at all: the one answer below.
        }
        key.Dispose();
        return null;
    }

    private static async Task<byte[]?> KeyOfAsync(CalendarTransaction tx, string agent, CancellationToken cancel) => (await tx.QueryAsync(
        "SELECT public_key FROM agents WHERE name = @n AND public_key IS NOT NULL", r => r.GetFieldValue<byte[]>(0), cancel, ("n", agent))).SingleOrDefault();
}
