using System.Security.Cryptography;
using BattKomp.Lab.EdgeAgent.Uplink;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Agents;

/// <summary>How an agent comes to its own key and loses it again; the agent's side is the real one.</summary>
public abstract class EnrolmentContract(string dialect) : IAsyncLifetime
{
    private const string Name = "agents/edge-9";
    private readonly TempFolder _folder = new();
    private TestLab _lab = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string KeyFile => _folder.File("agent.pem");

    public async ValueTask InitializeAsync()
    {
        var connection = dialect == "postgres" ? await PostgresFixture.NewDatabaseAsync() : "";
        _lab = await TestLab.StartAsync(o => (o.Calendar, o.PostgresConnection) = (dialect, connection));
    }

    public async ValueTask DisposeAsync()
    {
        await _lab.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_agent_enrols_with_a_one_time_token_and_then_speaks_with_its_own_key()
    {
        using var line = Line((await InviteAsync()).Token);
        Assert.Equal(32, (await KeyOf(line)).KeyId.Length / 2);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
        Assert.Equal([Path.GetFileName(KeyFile)], Directory.GetFiles(Path.GetDirectoryName(KeyFile)!).Select(Path.GetFileName));
        var listed = await Managers().ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel);
        Assert.NotNull(Assert.Single(listed.Agents, a => a.Name == Name).EnrolTime);
    }

    [Fact]
    public async Task A_stolen_token_used_a_second_time_is_refused_and_the_first_user_stays()
    {
        var token = (await InviteAsync()).Token;
        using var line = Line(token);
        await KeyOf(line);
        var e = await Refused.WithAsync(Reason.EnrolmentRefused, () => EnrolAsync(token, NewKey()));
        Assert.Contains("another key", e.Status.Detail, StringComparison.Ordinal);
        await KeyOf(line);
    }

    [Fact]
    public async Task Repeating_an_enrolment_with_the_same_key_answers_the_same()
    {
        var token = (await InviteAsync()).Token;
        var key = NewKey();
        Assert.Equal(await EnrolAsync(token, key), await EnrolAsync(token, key));
    }

    [Fact]
    public async Task Of_racers_with_one_token_exactly_one_gets_in()
    {
        var token = (await InviteAsync()).Token;
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await EnrolAsync(token, NewKey());
                return true;
            }
            catch (RpcException)
            {
                return false;
            }
        }));
        Assert.Single(results, r => r);
    }

    [Fact]
    public async Task A_later_invitation_voids_the_earlier_one_and_a_token_ends_by_the_servers_clock()
    {
        var first = (await InviteAsync()).Token;
        var second = (await InviteAsync()).Token;
        await Refused.WithAsync(Reason.EnrolmentRefused, () => EnrolAsync(first, NewKey()));
        await EnrolAsync(second, NewKey());
        await Refused.WithAsync(Reason.FieldsInvalid, () => InviteAsync(expires: TimeProvider.System.GetUtcNow().AddHours(-1)));
        await Refused.WithAsync(Reason.FieldsInvalid, () => InviteAsync(expires: TimeProvider.System.GetUtcNow().AddDays(31)));
    }

    [Fact]
    public async Task Enrolling_anew_ends_the_key_the_session_the_line_and_the_tokens_there_were()
    {
        await using var before = await ScriptedAgent.ConnectAsync(_lab);
        await before.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);
        var name = TestSeed.AgentName;
        var invited = await InviteAsync(name);
        await EnrolAsync(invited.Token, NewKey());
        Assert.Equal(StatusCode.FailedPrecondition, (await before.ExpectEndAsync()).StatusCode);
        await Refused.WithAsync(Reason.TokenMissingOrUnknown,
            () => new AgentService.AgentServiceClient(_lab.As(TestSeed.Agent)).GetLeaseKeyAsync(new GetLeaseKeyRequest(), cancellationToken: Cancel).ResponseAsync);
    }

    [Fact]
    public async Task An_agent_that_is_enrolled_anew_may_count_its_boots_from_1970()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await using (var modern = await ScriptedAgent.ConnectAsync(_lab, boot: "modern", order: 1_800_000_000_000_000_000))
            await modern.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);
        await EnrolAsync((await InviteAsync(TestSeed.AgentName)).Token, key.ExportSubjectPublicKeyInfo());
        var session = await SessionAsync(TestSeed.AgentName, key);
        await using var old = await ScriptedAgent.ConnectAsync(_lab, session.Token, boot: "old-clock", order: 42);
        await old.ExpectAsync(AgentOrder.OrderOneofCase.Welcome);
    }

    [Fact]
    public async Task Revoking_ends_the_session_at_once_and_only_a_new_enrolment_trusts_the_agent_again()
    {
        using var line = Line((await InviteAsync()).Token);
        await KeyOf(line);
        var stale = await line.Credentials.TokenAsync(Cancel);
        await Managers().RevokeAgentAsync(new RevokeAgentRequest { Name = Name, Reason = "stolen" }, cancellationToken: Cancel);
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => KeyOf(_lab.As(stale)));
        // The line opens a session again, so that orders to stop still reach the agent; it stays revoked.
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => KeyOf(line));
        await KeyOf(line);
        Assert.NotEqual(stale, await line.Credentials.TokenAsync(Cancel));
        Assert.True((await FindAsync()).Revoked);
        await line.Credentials.EnrolAsync((await InviteAsync()).Token, Cancel);
        await KeyOf(line);
        Assert.False((await FindAsync()).Revoked);
    }

    [Fact]
    public async Task A_challenge_opens_one_session_only_for_its_own_agent_and_its_own_key()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await EnrolAsync((await InviteAsync()).Token, key.ExportSubjectPublicKeyInfo());
        var begun = await Open().BeginAgentSessionAsync(new BeginAgentSessionRequest { Name = Name }, cancellationToken: Cancel);
        var finish = Signed(Name, key, begun.Challenge);
        await Open().FinishAgentSessionAsync(finish, cancellationToken: Cancel);
        Task Again(FinishAgentSessionRequest request) => Open().FinishAgentSessionAsync(request, cancellationToken: Cancel).ResponseAsync;
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => Again(finish));
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var fresh = await Open().BeginAgentSessionAsync(new BeginAgentSessionRequest { Name = Name }, cancellationToken: Cancel);
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => Again(Signed(Name, other, fresh.Challenge)));
        var stranger = await Open().BeginAgentSessionAsync(new BeginAgentSessionRequest { Name = "agents/nobody" }, cancellationToken: Cancel);
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => Again(Signed(Name, key, stranger.Challenge)));
        var forged = stranger.Challenge.ToByteArray();
        forged[^1] ^= 1;
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => Again(Signed("agents/nobody", key, ByteString.CopyFrom(forged))));
    }

    [Fact]
    public async Task A_session_ends_by_its_length_and_is_renewed_before_it_does()
    {
        var time = new ShiftedTime();
        await using var lab = await TestLab.StartAsync(time: time);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var managers = new AgentService.AgentServiceClient(lab.As(TestSeed.LabManager));
        var invited = await managers.CreateEnrolmentAsync(new CreateEnrolmentRequest { Lab = TestSeed.Lab, AgentId = "edge-9" }, cancellationToken: Cancel);
        var machine = new MachineOf1970();
        using var line = new ServerLine(new Uri(lab.GrpcAddress), new AgentIdentity(Name, "", KeyFile, invited.Token), machine);
        var first = await line.Credentials.TokenAsync(Cancel);
        machine.Wait(TimeSpan.FromMinutes(47));
        Assert.Equal(first, await line.Credentials.TokenAsync(Cancel));
        machine.Wait(TimeSpan.FromMinutes(2));
        Assert.NotEqual(first, await line.Credentials.TokenAsync(Cancel));
        await KeyOf(lab.As(first));
        time.Forward(TimeSpan.FromMinutes(61));
        // Answers are kept for two seconds.
        lab.Services.GetRequiredService<CallerResolver>().Forget();
        await Refused.WithAsync(Reason.TokenMissingOrUnknown, () => KeyOf(lab.As(first)));
    }

    [Theory]
    [InlineData("nistP384")]
    [InlineData("garbage")]
    public async Task Only_a_P256_key_is_taken_and_a_wrong_one_does_not_spend_the_token(string kind)
    {
        var token = (await InviteAsync()).Token;
        using var large = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        await Refused.WithAsync(Reason.FieldsInvalid, () => EnrolAsync(token, kind == "garbage" ? [1, 2, 3] : large.ExportSubjectPublicKeyInfo()));
        await EnrolAsync(token, NewKey());
    }

    [Fact]
    public async Task Only_the_labs_own_manager_invites()
    {
        var teacher = new AgentService.AgentServiceClient(_lab.As(TestSeed.Teacher));
        await Refused.WithAsync(Reason.NotAllowed,
            () => teacher.CreateEnrolmentAsync(new CreateEnrolmentRequest { Lab = TestSeed.Lab, AgentId = "x" }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.ResourceNotFound,
            () => Managers().CreateEnrolmentAsync(new CreateEnrolmentRequest { Lab = TestSeed.OtherLab, AgentId = "x" }, cancellationToken: Cancel).ResponseAsync);
        await Refused.WithAsync(Reason.ResourceExists,
            () => Managers().CreateEnrolmentAsync(new CreateEnrolmentRequest { Lab = TestSeed.Lab, AgentId = "horten-1" }, cancellationToken: Cancel).ResponseAsync);
    }

    /// <summary>A machine whose wall clock stands in 1970; only lengths of time pass.</summary>
    private sealed class MachineOf1970 : TimeProvider
    {
        private long _waited;

        public void Wait(TimeSpan by) => _waited += (long)(by.TotalSeconds * TimestampFrequency);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch;

        public override long GetTimestamp() => base.GetTimestamp() + _waited;
    }

    private ServerLine Line(string enrolment) => new(new Uri(_lab.GrpcAddress), new AgentIdentity(Name, "", KeyFile, enrolment), TimeProvider.System);

    private AgentService.AgentServiceClient Managers() => new(_lab.As(TestSeed.LabManager));

    private AgentService.AgentServiceClient Open() => new(_lab.As(""));

    private async Task<Agent> FindAsync() => (await Managers().ListAgentsAsync(new ListAgentsRequest(), cancellationToken: Cancel)).Agents.Single(a => a.Name == Name);

    private Task<Enrolment> InviteAsync(string name = Name, DateTimeOffset? expires = null) => Managers().CreateEnrolmentAsync(
        new CreateEnrolmentRequest { Lab = TestSeed.Lab, AgentId = name["agents/".Length..], ExpireTime = expires is { } e ? Timestamp.FromDateTimeOffset(e) : null },
        cancellationToken: Cancel).ResponseAsync;

    private async Task<Agent> EnrolAsync(string token, byte[] key) =>
        await Open().EnrolAgentAsync(new EnrolAgentRequest { Token = token, PublicKey = ByteString.CopyFrom(key) }, cancellationToken: Cancel);

    private async Task<AgentSessionToken> SessionAsync(string name, ECDsa key)
    {
        var begun = await Open().BeginAgentSessionAsync(new BeginAgentSessionRequest { Name = name }, cancellationToken: Cancel);
        return await Open().FinishAgentSessionAsync(Signed(name, key, begun.Challenge), cancellationToken: Cancel);
    }

    private static FinishAgentSessionRequest Signed(string name, ECDsa key, ByteString challenge)
    {
        byte[] signed = [.. "battlab-agent-session"u8, 0, .. System.Text.Encoding.UTF8.GetBytes(name), 0, .. challenge.Span];
        return new FinishAgentSessionRequest
        {
            Name = name,
            Challenge = challenge,
            Signature = ByteString.CopyFrom(key.SignData(signed, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation)),
        };
    }

    private static byte[] NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportSubjectPublicKeyInfo();
    }

    private static async Task<LeaseKey> KeyOf(ServerLine line) => await KeyOf(line.Invoker);

    private static async Task<LeaseKey> KeyOf(CallInvoker invoker) =>
        await new AgentService.AgentServiceClient(invoker).GetLeaseKeyAsync(new GetLeaseKeyRequest(), cancellationToken: Cancel);
}

/// <summary>On the embedded calendar.</summary>
public sealed class SqliteEnrolmentTests() : EnrolmentContract("sqlite");

/// <summary>On PostgreSQL.</summary>
public sealed class PostgresEnrolmentTests() : EnrolmentContract("postgres");
