using NodaTime;

namespace BattKomp.Lab.Domain.Bookings;

/// <summary>What a lab has judged about the dangers of a test object on a rig under a procedure; half-open in time.</summary>
/// <param name="Rig">rigs/{rig}</param>
/// <param name="TestObject">testObjects/{test_object}; empty = whatever the rig is approved for.</param>
/// <param name="Procedure">procedures/{procedure}/versions/{version}; empty = any.</param>
/// <param name="ValidFrom">First instant.</param>
/// <param name="ValidUntil">First instant after it.</param>
public sealed record RiskAssessment(string Rig, string TestObject, string Procedure, Instant ValidFrom, Instant ValidUntil)
{
    /// <summary>True when it speaks of this use of the rig, whenever it holds. One that names a test object or a procedure speaks of that one only.</summary>
    public bool Covers(string rig, string testObject, string procedure) =>
        Rig == rig && (TestObject.Length == 0 || TestObject == testObject) && (Procedure.Length == 0 || Procedure == procedure);
}

/// <summary>What is to be done, and what has been judged of it.</summary>
/// <param name="TestObject">testObjects/… of the booking's cell test; empty = it names none.</param>
/// <param name="Procedure">procedures/…/versions/… of the booking; empty = it names none.</param>
/// <param name="Known">Assessments of the booked rigs that are not withdrawn and not over.</param>
public sealed record RiskFacts(string TestObject, string Procedure, IReadOnlyList<RiskAssessment> Known);
