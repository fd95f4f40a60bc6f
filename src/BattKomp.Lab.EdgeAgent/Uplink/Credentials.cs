using System.Security.Cryptography;
using System.Text;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>What this agent proves itself with: a token from its configuration, or its own key.</summary>
/// <param name="Agent">agents/…</param>
/// <param name="Token">Secret that the server knows this agent by; empty when it has its own key.</param>
/// <param name="KeyFile">Its own key; empty when it has a token.</param>
/// <param name="EnrolmentToken">Used once, when the key file does not exist yet; empty otherwise.</param>
public sealed record AgentIdentity(string Agent, string Token, string KeyFile = "", string EnrolmentToken = "");

/// <summary>
/// The token of every call. With a key of its own the agent signs a challenge for a session and does so again when a fifth of the
/// session is left, or when the server no longer knows it. Lengths of time only: the wall clock has no part in it.
/// </summary>
public sealed class Credentials(AgentIdentity identity, CallInvoker open, TimeProvider machine) : IDisposable
{
    private const string Context = "battlab-agent-session";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly AgentService.AgentServiceClient _client = new(open);
    private readonly SemaphoreSlim _one = new(1);
    private volatile Session? _session;

    private sealed record Session(string Token, long From, TimeSpan RenewAfter);

    /// <summary>The token to send now.</summary>
    /// <exception cref="RpcException">The server cannot be reached or does not accept the key.</exception>
    /// <exception cref="IOException">The key file cannot be read.</exception>
    public async ValueTask<string> TokenAsync(CancellationToken cancel)
    {
        if (identity.KeyFile.Length == 0)
            return identity.Token;
        if (_session is { } kept && IsFresh(kept))
            return kept.Token;
        await _one.WaitAsync(cancel);
        try
        {
            if (_session is { } other && IsFresh(other))
                return other.Token;
            if (identity.EnrolmentToken.Length > 0 && !File.Exists(identity.KeyFile))
                await EnrolAsync(identity.EnrolmentToken, cancel);
            return (_session = await OpenAsync(cancel)).Token;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The server did not accept the session: the next call opens another.</summary>
    public void Forget() => _session = null;

    /// <summary>Makes a key, gives it to the server for a one-time token, and keeps it.</summary>
    /// <exception cref="RpcException">Refused; the key that was there before stays in use.</exception>
    /// <exception cref="InvalidDataException">The token is that of another agent.</exception>
    public async Task EnrolAsync(string token, CancellationToken cancel)
    {
        using var key = AgentKeyFile.Waiting(identity.KeyFile);
        var request = new EnrolAgentRequest { Token = token, PublicKey = ByteString.CopyFrom(key.ExportSubjectPublicKeyInfo()) };
        using var soon = Soon(cancel);
        var agent = await _client.EnrolAgentAsync(request, cancellationToken: soon.Token);
        if (agent.Name != identity.Agent)
            throw new InvalidDataException($"the enrolment token is that of {agent.Name}, but the configuration says {identity.Agent}; correct \"agent\" and enrol again with the same token");
        AgentKeyFile.Accept(identity.KeyFile);
        Forget();
    }

    /// <inheritdoc/>
    public void Dispose() => _one.Dispose();

    // A deadline of gRPC is an instant of the wall clock; this is a length of time.
    private CancellationTokenSource Soon(CancellationToken cancel)
    {
        var soon = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        soon.CancelAfter(Patience);
        return soon;
    }

    private bool IsFresh(Session session) => machine.GetElapsedTime(session.From) < session.RenewAfter;

    private async Task<Session> OpenAsync(CancellationToken cancel)
    {
        using var key = AgentKeyFile.Load(identity.KeyFile);
        using var soon = Soon(cancel);
        var from = machine.GetTimestamp();
        var begun = await _client.BeginAgentSessionAsync(new BeginAgentSessionRequest { Name = identity.Agent }, cancellationToken: soon.Token);
        byte[] signed = [.. Encoding.UTF8.GetBytes(Context), 0, .. Encoding.UTF8.GetBytes(identity.Agent), 0, .. begun.Challenge.Span];
        var finish = new FinishAgentSessionRequest
        {
            Name = identity.Agent,
            Challenge = begun.Challenge,
            Signature = ByteString.CopyFrom(key.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)),
        };
        var session = await _client.FinishAgentSessionAsync(finish, cancellationToken: soon.Token);
        return new Session(session.Token, from, TimeSpan.FromSeconds(session.LifetimeSeconds * 0.8));
    }
}
