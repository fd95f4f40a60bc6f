using System.Security.Cryptography;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Leases;

/// <summary>
/// The server's own key for leases: ECDSA P-256, made once in the data folder (keys/lease-key.pem, readable by the server's
/// user only). Agents pin its public half; who replaces the file makes every agent refuse new leases until it is told.
/// </summary>
public sealed class LeaseKeyFile : IDisposable
{
    private readonly Lazy<ECDsa> _key;

    /// <summary>Uses, or at first need makes, the key of this data folder.</summary>
    public LeaseKeyFile(LabOptions options) =>
        _key = new Lazy<ECDsa>(() => LoadOrCreate(Path.Combine(options.DataDirectory, "keys", "lease-key.pem")));

    /// <summary>The public half, SubjectPublicKeyInfo in DER, and its id: the lower-case hex SHA-256 of those bytes.</summary>
    public LeaseKey Public
    {
        get
        {
            var spki = _key.Value.ExportSubjectPublicKeyInfo();
            return new LeaseKey { PublicKey = ByteString.CopyFrom(spki), KeyId = Convert.ToHexStringLower(SHA256.HashData(spki)) };
        }
    }

    /// <summary>Signs a lease as it stands: its server_time must already be the time of sending.</summary>
    public SignedLease Sign(Lease lease)
    {
        var bytes = lease.ToByteArray();
        lock (_key)
        {
            return new SignedLease
            {
                Lease = ByteString.CopyFrom(bytes),
                Signature = ByteString.CopyFrom(_key.Value.SignData(bytes, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)),
                KeyId = Public.KeyId,
            };
        }
    }

    /// <summary>32 secret bytes for one purpose, the same on every server of this data folder; they tell nothing of the key.</summary>
    public byte[] Secret(string purpose)
    {
        lock (_key)
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, _key.Value.ExportParameters(includePrivateParameters: true).D!, 32, info: System.Text.Encoding.UTF8.GetBytes(purpose));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_key.IsValueCreated) _key.Value.Dispose();
    }

    private static ECDsa LoadOrCreate(string path)
    {
        if (!File.Exists(path)) Create(path);
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(path));
            if (key.KeySize == 256) return key;
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException)
        {
            key.Dispose();
            throw new InvalidDataException($"{path} is not an ECDSA P-256 key in PEM: restore it from a backup, or remove it to make a new one (agents must then be told).", e);
        }
        key.Dispose();
        throw new InvalidDataException($"{path} is an ECDSA key of {key.KeySize} bits; P-256 is needed: restore it from a backup, or remove it to make a new one (agents must then be told).");
    }

    // Two servers that start together on one folder must end with one key: the first to link its file under the name wins.
    private static void Create(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var file = new FileStream(temporary, options))
        {
            file.Write(System.Text.Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem() + "\n"));
            file.Flush(flushToDisk: true);
        }
        try
        {
            File.Move(temporary, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(temporary);
        }
    }
}
