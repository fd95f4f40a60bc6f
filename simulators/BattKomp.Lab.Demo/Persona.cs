using System.Security.Cryptography;

namespace BattKomp.Lab.Demo;

/// <summary>Someone to be in the demo, with a fresh token.</summary>
/// <param name="Id">The {person} of persons/{person}.</param>
/// <param name="Title">What a person reads.</param>
/// <param name="Organisation">The {organisation} of organisations/{organisation}.</param>
/// <param name="Role">Role code.</param>
/// <param name="Lab">Lab the role is bound to; empty = none.</param>
/// <param name="Token">Access token; lives as long as the demo's data folder.</param>
internal sealed record Persona(string Id, string Title, string Organisation, string Role, string Lab, string Token)
{
    /// <summary>The six of design §8, each with a token of its own.</summary>
    public static IReadOnlyList<Persona> Six() =>
    [
        Make("teacher", "Teacher at an upper secondary school", "school", "teacher", ""),
        Make("doctoral-student", "Doctoral student", "university", "researcher", ""),
        Make("course-owner", "Course owner", "university", "course-owner", ""),
        Make("lab-manager", "Lab manager", "university", "lab-manager", DemoSeed.Lab),
        Make("engineer", "Industry engineer", "company", "industry", ""),
        Make("coordinator", "National coordinator", "directorate", "coordinator", ""),
    ];

    /// <summary>A token nobody can guess: 160 random bits.</summary>
    public static string NewToken() => "bl_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    private static Persona Make(string id, string title, string organisation, string role, string lab) => new(id, title, organisation, role, lab, NewToken());
}
