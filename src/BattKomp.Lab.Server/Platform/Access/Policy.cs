using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Platform.Errors;

namespace BattKomp.Lab.Server.Platform.Access;

/// <summary>
/// Who may do what: the one policy module, used by gRPC, REST and the page alike. Deny by default: a method that is not
/// in <see cref="Methods"/> is refused to everyone (a test walks every method of every service with every persona).
/// Decisions on a single thing (holder, staff of its lab, its owner) are the Require… functions, called by handlers.
/// </summary>
public sealed class Policy
{
    /// <summary>The first gate of a method.</summary>
    public enum Gate
    {
        /// <summary>Everyone, with or without a token: the call itself carries the proof.</summary>
        Open,

        /// <summary>Any signed-in person.</summary>
        AnyPerson,

        /// <summary>Any person or agent.</summary>
        AnyCaller,

        /// <summary>Agents only.</summary>
        AgentOnly,

        /// <summary>Persons who may use rigs: every role but coordinator alone.</summary>
        RigUser,

        /// <summary>Persons with a role bound to some lab; the handler checks which.</summary>
        LabStaff,

        /// <summary>Lab managers; the handler checks of which lab.</summary>
        LabManager,
    }

    /// <summary>The gate of every method by full name; what is not here is refused.</summary>
    public static IReadOnlyDictionary<string, Gate> Methods { get; } = new Dictionary<string, Gate>
    {
        [Of("LabService/ListLabs")] = Gate.AnyPerson,
        [Of("LabService/GetLab")] = Gate.AnyPerson,
        [Of("LabService/ListRigs")] = Gate.AnyPerson,
        [Of("LabService/GetRig")] = Gate.AnyPerson,
        [Of("LabService/ListTestObjects")] = Gate.AnyPerson,
        [Of("LabService/GetTestObject")] = Gate.AnyPerson,
        [Of("LabService/CreateTestObject")] = Gate.RigUser,
        [Of("LabService/ListCodeLists")] = Gate.AnyPerson,
        [Of("LabService/WhoAmI")] = Gate.AnyPerson,
        [Of("BookingService/CreateBooking")] = Gate.RigUser,
        [Of("BookingService/CreateSeries")] = Gate.RigUser,
        [Of("BookingService/GetBooking")] = Gate.AnyPerson,
        [Of("BookingService/ListBookings")] = Gate.AnyPerson,
        [Of("BookingService/CancelBooking")] = Gate.RigUser,
        [Of("BookingService/GetSeries")] = Gate.AnyPerson,
        [Of("BookingService/CancelSeries")] = Gate.RigUser,
        [Of("BookingService/ConfirmBooking")] = Gate.RigUser,
        [Of("BookingService/ChangeBooking")] = Gate.RigUser,
        [Of("BookingService/HandOverBooking")] = Gate.RigUser,
        [Of("BookingService/CheckIn")] = Gate.RigUser,
        [Of("BookingService/ReleaseBooking")] = Gate.RigUser,
        [Of("BookingService/ApproveBooking")] = Gate.AnyPerson,
        [Of("BookingService/DeclineBooking")] = Gate.AnyPerson,
        [Of("BookingService/ListApprovals")] = Gate.AnyPerson,
        [Of("BookingService/CreateOutage")] = Gate.LabManager,
        [Of("AvailabilityService/SearchAvailability")] = Gate.AnyPerson,
        [Of("AvailabilityService/WatchAvailability")] = Gate.AnyPerson,
        [Of("AvailabilityService/ListTaken")] = Gate.AnyPerson,
        [Of("ClassService/CreateClassBlock")] = Gate.RigUser,
        [Of("ClassService/GetClassBlock")] = Gate.AnyPerson,
        [Of("ClassService/CopyClassBlock")] = Gate.RigUser,
        [Of("ClassService/JoinClass")] = Gate.Open,
        [Of("ClassService/GetClassPlan")] = Gate.Open,
        [Of("WaitService/JoinWaitList")] = Gate.RigUser,
        [Of("WaitService/ListWaits")] = Gate.AnyPerson,
        [Of("WaitService/LeaveWaitList")] = Gate.RigUser,
        [Of("PolicyService/CreatePolicy")] = Gate.AnyPerson,
        [Of("PolicyService/RetirePolicy")] = Gate.AnyPerson,
        [Of("PolicyService/ListPolicies")] = Gate.AnyPerson,
        [Of("PolicyService/ExplainPolicy")] = Gate.AnyPerson,
        [Of("QualificationService/GrantQualification")] = Gate.AnyPerson,
        [Of("QualificationService/RevokeQualification")] = Gate.AnyPerson,
        [Of("QualificationService/GetQualification")] = Gate.AnyPerson,
        [Of("QualificationService/ListQualifications")] = Gate.AnyPerson,
        [Of("RiskAssessmentService/CreateRiskAssessment")] = Gate.LabManager,
        [Of("RiskAssessmentService/WithdrawRiskAssessment")] = Gate.LabManager,
        [Of("RiskAssessmentService/GetRiskAssessment")] = Gate.LabStaff,
        [Of("RiskAssessmentService/ListRiskAssessments")] = Gate.LabStaff,
        [Of("ProcedureService/CreateProcedure")] = Gate.RigUser,
        [Of("ProcedureService/GetProcedure")] = Gate.AnyPerson,
        [Of("ProcedureService/ListProcedures")] = Gate.AnyPerson,
        [Of("RunService/CreateCellTest")] = Gate.RigUser,
        [Of("RunService/GetCellTest")] = Gate.AnyPerson,
        [Of("RunService/ListCellTests")] = Gate.AnyPerson,
        [Of("RunService/GetRun")] = Gate.AnyPerson,
        [Of("RunService/ListRuns")] = Gate.AnyPerson,
        [Of("RunService/WatchRun")] = Gate.AnyPerson,
        [Of("RunService/GetCompleteness")] = Gate.AnyPerson,
        [Of("RunService/ListGaps")] = Gate.AnyPerson,
        [Of("RunService/ListRunEvents")] = Gate.AnyPerson,
        [Of("RunService/StopRun")] = Gate.RigUser,
        [Of("RunService/StopRig")] = Gate.LabStaff,
        [Of("RunService/StopLab")] = Gate.LabStaff,
        [Of("RunService/ReleaseRig")] = Gate.LabManager,
        [Of("AgentService/ListAgents")] = Gate.LabStaff,
        [Of("AgentService/RevokeAgent")] = Gate.LabManager,
        [Of("AgentService/CreateEnrolment")] = Gate.LabManager,
        [Of("AgentService/EnrolAgent")] = Gate.Open,
        [Of("AgentService/BeginAgentSession")] = Gate.Open,
        [Of("AgentService/FinishAgentSession")] = Gate.Open,
        [Of("AgentService/Control")] = Gate.AgentOnly,
        [Of("AgentService/GetLeaseKey")] = Gate.AnyCaller,
        [Of("IncidentService/ListIncidents")] = Gate.LabStaff,
        [Of("IncidentService/GetIncident")] = Gate.LabStaff,
        [Of("IncidentService/ReleaseIncident")] = Gate.LabManager,
        [Of("IngestService/Ingest")] = Gate.AgentOnly,
        [Of("DatasetService/CreateDataset")] = Gate.RigUser,
        [Of("DatasetService/GetDataset")] = Gate.AnyPerson,
        [Of("DatasetService/ListDatasets")] = Gate.AnyPerson,
        [Of("DatasetService/DownloadFile")] = Gate.AnyPerson,
        [Of("UsageService/ListUsageSnapshots")] = Gate.AnyPerson,
        [Of("UsageService/GetUsageSnapshot")] = Gate.AnyPerson,
        [Of("UsageService/GetEconomicShare")] = Gate.AnyPerson,
        [Of("UsageService/LogLostTime")] = Gate.LabStaff,
        [Of("UsageService/ListLostTimes")] = Gate.AnyPerson,
        [Of("SharingService/ExplainShare")] = Gate.RigUser,
        [Of("FeedService/CreateFeed")] = Gate.AnyPerson,
        [Of("FeedService/ListFeeds")] = Gate.AnyPerson,
        [Of("FeedService/RevokeFeed")] = Gate.AnyPerson,
        [Of("FeedService/ImportClosures")] = Gate.LabManager,
        [Of("NotificationService/ListNotifications")] = Gate.AnyPerson,
        [Of("NotificationService/MarkNotificationsRead")] = Gate.AnyPerson,
        [Of("NotificationService/GetMailSettings")] = Gate.AnyPerson,
        [Of("NotificationService/SetMailSettings")] = Gate.AnyPerson,
        [Of("NotificationService/CreateWebhook")] = Gate.LabManager,
        [Of("NotificationService/ListWebhooks")] = Gate.LabManager,
        [Of("NotificationService/RevokeWebhook")] = Gate.LabManager,
    };

    /// <summary>True for a method that needs no token.</summary>
    public static bool IsOpen(string method) => Methods.TryGetValue(method, out var gate) && gate is Gate.Open;

    /// <exception cref="LabException">NOT_ALLOWED when the caller may not call the method at all.</exception>
    public void RequireMethod(string method, Caller caller)
    {
        if (!Methods.TryGetValue(method, out var gate) || !Passes(gate, caller))
            throw LabErrors.NotAllowed($"call {method.TrimStart('/')}", "Ask the lab for a role that may.");
    }

    /// <exception cref="LabException">NOT_ALLOWED unless the person manages the lab.</exception>
    public void RequireManager(PersonCaller person, string lab, string what)
    {
        if (!person.Manages(lab)) throw LabErrors.NotAllowed(what, $"Ask a lab manager of {lab}.");
    }

    /// <exception cref="LabException">NOT_ALLOWED unless the person has a role at the lab.</exception>
    public void RequireStaff(PersonCaller person, string lab, string what)
    {
        if (!person.IsStaffOf(lab)) throw LabErrors.NotAllowed(what, $"Ask someone with a role at {lab}.");
    }

    /// <exception cref="LabException">NOT_ALLOWED unless the person is the holder or has a role at the lab.</exception>
    public void RequireHolderOrStaff(PersonCaller person, string holder, string lab, string what)
    {
        if (person.Name != holder && !person.IsStaffOf(lab))
            throw LabErrors.NotAllowed(what, $"Ask the holder or someone with a role at {lab}.");
    }

    private static bool Passes(Gate gate, Caller caller) => (gate, caller) switch
    {
        (Gate.AnyCaller, _) => true,
        (Gate.AgentOnly, AgentCaller) => true,
        (_, AgentCaller) => false,
        (Gate.AnyPerson, PersonCaller) => true,
        (Gate.RigUser, PersonCaller p) => p.Affiliations.Any(a => a.Role != Roles.Coordinator),
        (Gate.LabStaff, PersonCaller p) => p.Affiliations.Any(a => a.Lab.Length > 0),
        (Gate.LabManager, PersonCaller p) => p.Has(Roles.LabManager),
        _ => false,
    };

    private static string Of(string method) => "/battkomp.lab.v1." + method;
}
