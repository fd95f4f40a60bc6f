using BattKomp.Lab.Contracts;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Access;

/// <summary>Every RPC of every service in the protos, called by every persona, an agent, an unknown token and nobody.</summary>
public sealed class EveryRpcEveryPersonaTests
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(b => b, b => b);

    private static readonly string[] People = ["teacher", "doctoral student", "course owner", "lab manager", "industry engineer", "national coordinator"];
    private static readonly string[] RigUsers = ["teacher", "doctoral student", "course owner", "lab manager", "industry engineer"];
    private static readonly string[] Staff = ["lab manager"];
    private static readonly string[] Everyone = [.. People, "agent"];
    private static readonly string[] Agents = ["agent"];

    // These need no token: the call carries its own proof. Nothing else may be here.
    private static readonly string[] Open = ["AgentService/EnrolAgent", "AgentService/BeginAgentSession", "AgentService/FinishAgentSession", "ClassService/JoinClass", "ClassService/GetClassPlan"];

    // Who passes the gate. A method that is not here fails the test: decide who may call it, here and in Policy.
    private static readonly Dictionary<string, string[]> Expected = new()
    {
        ["LabService/ListLabs"] = People,
        ["LabService/GetLab"] = People,
        ["LabService/ListRigs"] = People,
        ["LabService/GetRig"] = People,
        ["LabService/ListTestObjects"] = People,
        ["LabService/GetTestObject"] = People,
        ["LabService/CreateTestObject"] = RigUsers,
        ["LabService/ListCodeLists"] = People,
        ["LabService/WhoAmI"] = People,
        ["BookingService/CreateBooking"] = RigUsers,
        ["BookingService/CreateSeries"] = RigUsers,
        ["AvailabilityService/SearchAvailability"] = People,
        ["AvailabilityService/WatchAvailability"] = People,
        ["AvailabilityService/ListTaken"] = People,
        ["ClassService/CreateClassBlock"] = RigUsers,
        ["ClassService/GetClassBlock"] = People,
        ["ClassService/CopyClassBlock"] = RigUsers,
        ["ClassService/JoinClass"] = Everyone,
        ["ClassService/GetClassPlan"] = Everyone,
        ["WaitService/JoinWaitList"] = RigUsers,
        ["WaitService/ListWaits"] = People,
        ["WaitService/LeaveWaitList"] = RigUsers,
        ["PolicyService/CreatePolicy"] = People,
        ["PolicyService/RetirePolicy"] = People,
        ["PolicyService/ListPolicies"] = People,
        ["PolicyService/ExplainPolicy"] = People,
        ["BookingService/GetSeries"] = People,
        ["BookingService/CancelSeries"] = RigUsers,
        ["BookingService/ConfirmBooking"] = RigUsers,
        ["BookingService/ChangeBooking"] = RigUsers,
        ["BookingService/HandOverBooking"] = RigUsers,
        ["BookingService/CheckIn"] = RigUsers,
        ["BookingService/ReleaseBooking"] = RigUsers,
        ["BookingService/ApproveBooking"] = People,
        ["BookingService/DeclineBooking"] = People,
        ["BookingService/ListApprovals"] = People,
        ["BookingService/GetBooking"] = People,
        ["BookingService/ListBookings"] = People,
        ["BookingService/CancelBooking"] = RigUsers,
        ["BookingService/CreateOutage"] = Staff,
        ["QualificationService/GrantQualification"] = People,
        ["QualificationService/RevokeQualification"] = People,
        ["QualificationService/GetQualification"] = People,
        ["QualificationService/ListQualifications"] = People,
        ["RiskAssessmentService/CreateRiskAssessment"] = Staff,
        ["RiskAssessmentService/WithdrawRiskAssessment"] = Staff,
        ["RiskAssessmentService/GetRiskAssessment"] = Staff,
        ["RiskAssessmentService/ListRiskAssessments"] = Staff,
        ["ProcedureService/CreateProcedure"] = RigUsers,
        ["ProcedureService/GetProcedure"] = People,
        ["ProcedureService/ListProcedures"] = People,
        ["RunService/CreateCellTest"] = RigUsers,
        ["RunService/GetCellTest"] = People,
        ["RunService/ListCellTests"] = People,
        ["RunService/GetRun"] = People,
        ["RunService/ListRuns"] = People,
        ["RunService/WatchRun"] = People,
        ["RunService/GetCompleteness"] = People,
        ["RunService/ListGaps"] = People,
        ["RunService/ListRunEvents"] = People,
        ["RunService/StopRun"] = RigUsers,
        ["RunService/StopRig"] = Staff,
        ["RunService/StopLab"] = Staff,
        ["RunService/ReleaseRig"] = Staff,
        ["AgentService/ListAgents"] = Staff,
        ["AgentService/RevokeAgent"] = Staff,
        ["AgentService/CreateEnrolment"] = Staff,
        ["AgentService/EnrolAgent"] = Everyone,
        ["AgentService/BeginAgentSession"] = Everyone,
        ["AgentService/FinishAgentSession"] = Everyone,
        ["AgentService/Control"] = Agents,
        ["AgentService/GetLeaseKey"] = Everyone,
        ["IncidentService/ListIncidents"] = Staff,
        ["IncidentService/GetIncident"] = Staff,
        ["IncidentService/ReleaseIncident"] = Staff,
        ["IngestService/Ingest"] = Agents,
        ["DatasetService/CreateDataset"] = RigUsers,
        ["DatasetService/GetDataset"] = People,
        ["DatasetService/ListDatasets"] = People,
        ["DatasetService/DownloadFile"] = People,
        ["UsageService/ListUsageSnapshots"] = People,
        ["UsageService/GetUsageSnapshot"] = People,
        ["UsageService/GetEconomicShare"] = People,
        ["UsageService/LogLostTime"] = Staff,
        ["UsageService/ListLostTimes"] = People,
        ["SharingService/ExplainShare"] = RigUsers,
        ["FeedService/CreateFeed"] = People,
        ["FeedService/ListFeeds"] = People,
        ["FeedService/RevokeFeed"] = People,
        ["FeedService/ImportClosures"] = Staff,
        ["NotificationService/ListNotifications"] = People,
        ["NotificationService/MarkNotificationsRead"] = People,
        ["NotificationService/GetMailSettings"] = People,
        ["NotificationService/SetMailSettings"] = People,
        ["NotificationService/CreateWebhook"] = Staff,
        ["NotificationService/ListWebhooks"] = Staff,
        ["NotificationService/RevokeWebhook"] = Staff,
    };

    private static IEnumerable<MethodDescriptor> Methods =>
        new[]
        {
            LabsReflection.Descriptor, BookingsReflection.Descriptor, PoliciesReflection.Descriptor, AvailabilityReflection.Descriptor, WaitsReflection.Descriptor, ClassesReflection.Descriptor, QualificationsReflection.Descriptor, RiskAssessmentsReflection.Descriptor, ProceduresReflection.Descriptor, RunsReflection.Descriptor,
            AgentsReflection.Descriptor, IncidentsReflection.Descriptor, IngestReflection.Descriptor, DatasetsReflection.Descriptor,
            FeedsReflection.Descriptor, NoticesReflection.Descriptor, SharingReflection.Descriptor, UsageReflection.Descriptor,
        }.SelectMany(f => f.Services).SelectMany(s => s.Methods);

    [Fact]
    public void Every_proto_file_with_a_service_is_walked_and_every_method_has_its_row()
    {
        var services = typeof(ErrorsReflection).Assembly.GetTypes()
            .Where(t => t.Name.EndsWith("Reflection", StringComparison.Ordinal) && t.Namespace == typeof(ErrorsReflection).Namespace)
            .Select(t => (FileDescriptor)t.GetProperty("Descriptor")!.GetValue(null)!)
            .SelectMany(f => f.Services).SelectMany(s => s.Methods).Select(Short).Order();
        Assert.Equal(services, Methods.Select(Short).Order());
        Assert.Equal(Expected.Keys.Order(), Methods.Select(Short).Order());
    }

    [Fact]
    public async Task Each_caller_passes_exactly_the_gates_the_table_says()
    {
        await using var lab = await TestLab.StartAsync();
        var callers = TestSeed.Personas.Select(p => (p.Key, lab.As(p.Value))).Append(("agent", lab.As(TestSeed.Agent))).ToArray();
        var wrong = new List<string>();
        foreach (var method in Methods)
            foreach (var (who, invoker) in callers)
            {
                var passed = await PassesGateAsync(invoker, method);
                if (passed != Expected[Short(method)].Contains(who)) wrong.Add($"{Short(method)} by {who}: {(passed ? "let in" : "kept out")}");
            }
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a-token-nobody-issued")]
    public async Task Without_a_valid_token_no_call_works(string token)
    {
        await using var lab = await TestLab.StartAsync();
        foreach (var method in Methods)
        {
            var e = await CallAsync(lab.As(token), method);
            if (Open.Contains(Short(method)))
            {
                Assert.Contains(ErrorCatalogue.InfoOf(e!)!.Reason, (string[])["FIELDS_INVALID", "TOKEN_MISSING_OR_UNKNOWN"]);
                continue;
            }
            Assert.Equal(StatusCode.Unauthenticated, e?.StatusCode);
            Assert.Equal("TOKEN_MISSING_OR_UNKNOWN", ErrorCatalogue.InfoOf(e!)!.Reason);
        }
    }

    private static async Task<bool> PassesGateAsync(CallInvoker invoker, MethodDescriptor method)
    {
        var e = await CallAsync(invoker, method);
        Assert.NotEqual(StatusCode.Unimplemented, e?.StatusCode);
        Assert.NotEqual(StatusCode.Internal, e?.StatusCode);
        return !(e?.StatusCode == StatusCode.PermissionDenied && e.Status.Detail.StartsWith("You may not call", StringComparison.Ordinal));
    }

    // An empty request, and for streams no request at all: enough to meet the gate, too little to do anything.
    private static async Task<RpcException?> CallAsync(CallInvoker invoker, MethodDescriptor descriptor)
    {
        var type = (descriptor.IsClientStreaming, descriptor.IsServerStreaming) switch
        {
            (false, false) => MethodType.Unary,
            (false, true) => MethodType.ServerStreaming,
            (true, false) => MethodType.ClientStreaming,
            _ => MethodType.DuplexStreaming,
        };
        var method = new Method<byte[], byte[]>(type, descriptor.Service.FullName, descriptor.Name, Bytes, Bytes);
        var options = new CallOptions(cancellationToken: TestContext.Current.CancellationToken);
        try
        {
            if (type == MethodType.Unary)
            {
                await invoker.AsyncUnaryCall(method, null, options, []);
            }
            else if (type == MethodType.ServerStreaming)
            {
                using var call = invoker.AsyncServerStreamingCall(method, null, options, []);
                await call.ResponseStream.MoveNext(options.CancellationToken);
            }
            else
            {
                using var call = invoker.AsyncDuplexStreamingCall(method, null, options);
                await call.RequestStream.CompleteAsync();
                await call.ResponseStream.MoveNext(options.CancellationToken);
            }
            return null;
        }
        catch (RpcException e)
        {
            return e;
        }
    }

    private static string Short(MethodDescriptor method) => $"{method.Service.Name}/{method.Name}";
}
