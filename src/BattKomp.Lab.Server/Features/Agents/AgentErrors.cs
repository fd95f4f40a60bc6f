using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>Refusals of an agent's line.</summary>
internal static class AgentErrors
{
    internal static LabException Fenced(string agent, string why) =>
        new(Reason.AgentFenced, $"'{agent}' is fenced: {why} If this is the right machine, start the agent again; if it was copied, re-enrol it.")
        {
            Metadata = { ["agent"] = agent },
        };

    internal static LabException NotEnrolled(string why) =>
        new(Reason.EnrolmentRefused, $"The enrolment token is not accepted: {why} Ask the lab manager for a new one ('battlab agents enrol').");

    internal static LabException NotProven(string agent) =>
        new(Reason.TokenMissingOrUnknown, $"The challenge is not signed by the key of '{agent}', is over, or was used. Ask for a new one; if it fails again, enrol the agent.");

    internal static LabException Malformed(string what) => new(Reason.BatchMalformed, what);
}
